//! Mails from the outbox to a real SMTP server on the loopback interface, on both databases.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod mail_program;
#[cfg(test)]
mod message;
#[cfg(test)]
mod node;
#[cfg(test)]
mod slow_database;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod templates;
