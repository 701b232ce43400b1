//! Simulation of a population, for the table of docs/risk.md:
//! `cargo run -p portcullis-flows --example risk_population`.

use std::io::{self, Write};

#[path = "simulation.rs"]
mod simulation;

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(simulation::table().as_bytes())
}
