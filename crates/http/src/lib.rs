#![doc = include_str!("../README.md")]

mod account;
mod answer;
mod blocking;
mod body;
mod client_address;
mod cookies;
mod csrf;
mod docs;
mod guard;
mod health;
mod openapi;
mod origin;
mod password_change;
mod problem;
mod refresh;
mod registration;
mod request;
mod routes;
mod server;
mod services;
mod setup;
mod sign_in;
mod sign_out;
mod stack;

pub use openapi::document;
pub use problem::Code;
pub use routes::{RouteEntry, route_table};
pub use server::{Running, Settings, serve, spawn};
pub use services::{Parts, Services, Storage};
