#![doc = include_str!("../README.md")]

mod access;
mod application;
mod asset_route;
mod assets;
mod audit;
mod brand;
mod form;
mod form_page;
mod group;
mod home;
mod identity;
mod kept_form;
mod local_path;
mod machine;
mod moment;
mod node;
mod page;
mod paths;
mod proof;
mod routes;
mod section;
mod sign_in;
mod site;
mod strings;

pub use application::configure;
pub use brand::{Brand, Color, ColorError, Logo, LogoError};
pub use group::PAGES;
pub use paths::SETUP;
pub use routes::route_table;
pub use site::{MailWay, Offers};
