//! `audit verify` against an exported checkpoint: speed for decisions and for security events.

use std::fs::File;
use std::io::{BufWriter, Write};

use crate::accounts::AccountGenerator;
use crate::bench::{Bench, Data};
use crate::outcome::Result;
use crate::program;
use crate::quantity::{count, figure, size, time};
use crate::report::Row;
use crate::statistics::per_second;

/// An imported account leaves one event.
const ACCOUNTS: u32 = 200_000;

/// The hash of any password: no sign-in uses it.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                    $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let decisions = verify(bench, Data::DecisionLog, "audit verify: decisions").await?;
    import(bench, ACCOUNTS).await?;
    let events = verify(bench, Data::Events, "audit verify: security events").await?;
    Ok(vec![decisions, events])
}

async fn verify(bench: &Bench, data: Data, name: &str) -> Result<Row> {
    let checkpoint = bench.file("checkpoint");
    let mut command = bench.command(data);
    command.args(["audit", "checkpoint", "--output"]).arg(&checkpoint);
    program::run(command, String::new()).await?;

    // The command fails if it finds a fault.
    let mut command = bench.command(data);
    command.args(["audit", "verify", "--checkpoint"]).arg(&checkpoint);
    let proof = program::run(command, String::new()).await?;
    let (decisions, events) = (proof.number("decisions")?, proof.number("events")?);
    let entries = usize::try_from(decisions + events)?;
    Ok(Row::fact(
        name,
        format!("{} entries/s", figure(per_second(entries, proof.took))),
        format!(
            "{} decisions and {} events in {}; most memory {}",
            count(decisions),
            count(events),
            time(proof.took),
            size(proof.peak.0)
        ),
        "≥ 500,000/s",
    ))
}

/// Imports the given number of accounts, each of which writes one event.
async fn import(bench: &Bench, accounts: u32) -> Result<()> {
    let path = bench.file("accounts.csv");
    write_accounts(&bench.accounts, accounts, BufWriter::new(File::create(&path)?))?;
    let mut command = bench.command(Data::Events);
    command.args(["user", "import", "--batch", "5000"]).arg(&path);
    program::run(command, String::new()).await?;
    Ok(())
}

fn write_accounts(generator: &AccountGenerator, accounts: u32, mut file: impl Write) -> Result<()> {
    writeln!(file, "username,email,password_hash")?;
    for _ in 0..accounts {
        let person = generator.person();
        writeln!(file, "{},{},\"{HASH}\"", person.username, person.email())?;
    }
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_line() {
        let mut file = Vec::new();
        write_accounts(&AccountGenerator::new().unwrap(), 3, &mut file).unwrap();
        let text = String::from_utf8(file).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().skip(1).all(|line| line.split('"').count() == 3));
    }
}
