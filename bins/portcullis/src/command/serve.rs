//! `serve`: runs the server until a signal stops it.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::Ambient;
use portcullis_flows::identity::bootstrap::BootstrapState;
use portcullis_flows::sign_in::RiskFiles;
use portcullis_web::{CertificateFiles, Listeners, Operations, Phase, Settings, Signals, Tls};
use serde::Serialize;

use crate::assembly::{self, Assembled};
use crate::checkpoint_files::CheckpointFiles;
use crate::config::{Config, Finding, Server};
use crate::failure::{Failure, no_thread};
use crate::last_write::write_last;
use crate::logging::Logging;
use crate::operator::local_origin;
use crate::output::Output;
use crate::service_manager::ServiceManager;
use crate::socket_activation::InheritedListeners;
use crate::{file_limit, opening, process, running_server, traces};

/// The maximum time for the last traces.
const LAST_TRACES_TIMEOUT: Duration = Duration::from_millis(900);

pub(crate) fn run(
    config: Config,
    risk_files: RiskFiles,
    warnings: &[Finding],
    inherited: InheritedListeners,
    signals: Signals,
    output: Output,
    this_program: &str,
) -> Result<ExitCode, Failure> {
    process::run(config, warnings, signals, |config, signals, logging| {
        serve(config, risk_files, output, inherited, signals, logging, this_program)
    })
}

fn serve(
    config: Config,
    risk_files: RiskFiles,
    output: Output,
    inherited: InheritedListeners,
    mut signals: Signals,
    logging: &Logging,
    this_program: &str,
) -> Result<ExitCode, Failure> {
    file_limit::raise();
    // The ports are bound first: a second server must not touch the database of the first.
    let (listeners, bound) = bind(&config, inherited)?;
    let manager = ServiceManager::connect().map_err(no_thread)?;
    manager.show("opening the database");
    let tls = config.server.tls.clone().map(load_certificate).transpose()?;
    let traces = traces::start(&config.traces)?;
    let settings = config.server.settings(bound.public, &config.rate_limits, tls, logging.lost());
    let settings = Settings { traces: traces.clone(), ..settings };
    if !opening::wait_for_server(&config, &listeners, &settings, &mut signals)? {
        return Ok(ExitCode::SUCCESS);
    }
    let open = |config: &Config| opening::served(config, &local_origin("serve"));
    let Some(foundation) = process::open(config, &mut signals, open)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let config = &foundation.config;
    let checkpoint_directory = config.audit.checkpoint_directory.clone();
    let matrix = config.matrix.clone();
    let clock = foundation.ambient.clock.clone();
    let Assembled { application, setup, matrices, checkpoints, key_uses } =
        assembly::server(&foundation, risk_files, clock)?;
    if let Some((problem, remedy)) = matrix.difference(&matrices.active().load()) {
        tracing::warn!("access.matrix: {problem}; {remedy}");
    }
    let setup = match setup {
        BootstrapState::Ready => None,
        BootstrapState::Created(account) => {
            let username = account.username.as_str();
            tracing::info!(username, "created the configured administrator");
            None
        }
        BootstrapState::Awaiting(token) => {
            let role = &matrices.active().load().admin;
            let command = format!(
                "{this_program} user create --username admin --email you@example.org --role {role}"
            );
            let page = format!("{}{}", settings.origin, portcullis_console::SETUP);
            Some(Setup { token: token.expose().to_owned(), page, command })
        }
    };
    let scheme = config.server.scheme();
    let announcement = Announcement {
        listening: format!("{scheme}://{}", bound.public),
        redirect: bound.redirect.map(|address| format!("http://{address}")),
        operations: bound.operations.map(|address| format!("http://{address}")),
        setup,
    };
    // A server that speaks TLS only is not asked.
    let watched = bound.operations.or((scheme == "http").then_some(bound.public));
    let report = move |phase| {
        if phase == Phase::Ready {
            manager.show(format!("listening on {}", announcement.listening));
            manager.watch(move || watched.is_none_or(running_server::is_live));
            process::announce(output, announcement.clone());
        }
        manager.report(phase);
    };
    portcullis_web::serve(listeners, application, settings, signals, report)
        .map_err(|error| Failure::failed(error, "see the log above"))?;
    write_last("key-uses", "the uses of API keys since the last minute", move || {
        key_uses.write().map(drop)
    })?;
    if let Some(directory) = checkpoint_directory {
        let mut files = CheckpointFiles::new(checkpoints, directory);
        write_last("checkpoint", "the last checkpoint", move || files.write_new().map(drop))?;
    }
    let store = foundation.store.clone();
    write_last("database", "the write-ahead log into the database", move || {
        store.empty_write_ahead_log()
    })?;
    if let Some(traces) = traces {
        write_last("traces", "the last traces", move || traces.close(LAST_TRACES_TIMEOUT))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The addresses of the listeners.
struct Bound {
    public: SocketAddr,
    redirect: Option<SocketAddr>,
    operations: Option<SocketAddr>,
}

fn bind(config: &Config, mut inherited: InheritedListeners) -> Result<(Listeners, Bound), Failure> {
    let Server { address, redirect_address, operations_address, .. } = &config.server;
    let mut listen = |address, variable| listen(address, variable, &mut inherited);
    let (public, bound) = listen(*address, "ADDRESS")?;
    let redirect =
        redirect_address.map(|address| listen(address, "REDIRECT_ADDRESS")).transpose()?;
    let operations =
        operations_address.map(|address| listen(address, "OPERATIONS_ADDRESS")).transpose()?;
    inherited.finish()?;
    let bound = Bound {
        public: bound,
        redirect: redirect.as_ref().map(|(_, bound)| *bound),
        operations: operations.as_ref().map(|(_, bound)| *bound),
    };
    let operations = operations
        .map(|(listener, _)| Operations { listener, configure: portcullis_api::operations() });
    let redirect = redirect.map(|(listener, _)| listener);
    Ok((Listeners { public, redirect, operations }, bound))
}

fn listen(
    address: SocketAddr,
    variable: &str,
    inherited: &mut InheritedListeners,
) -> Result<(TcpListener, SocketAddr), Failure> {
    let cannot_listen = |error| {
        let remedy =
            format!("stop the program that listens there, or set PORTCULLIS__SERVER__{variable}");
        Failure::failed(format!("cannot listen on {address}: {error}"), remedy)
    };
    let listener = match inherited.take(address)? {
        Some(listener) => listener,
        None => TcpListener::bind(address).map_err(cannot_listen)?,
    };
    let bound = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, bound))
}

fn load_certificate(files: CertificateFiles) -> Result<Arc<Tls>, Failure> {
    let tls = Tls::load(files, Ambient::system().clock.now());
    tls.map(Arc::new).map_err(|error| Failure::failed(error, "run `portcullis config check`"))
}

/// The announcement of a started server, printed once.
#[derive(Clone, Serialize)]
struct Announcement {
    listening: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup: Option<Setup>,
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(setup) = &self.setup {
            writeln!(
                f,
                "\nThere is no administrator yet. Create one on the page {}\nwith this setup token. It \
                 works once; the next start prints another.\n\n  {}\n\nOr on this machine with this command, \
                 which asks for the password:\n\n  {}\n",
                setup.page, setup.token, setup.command
            )?;
        }
        if let Some(operations) = &self.operations {
            writeln!(f, "metrics and health at {operations}")?;
        }
        if let Some(redirect) = &self.redirect {
            writeln!(f, "redirecting from {redirect}")?;
        }
        write!(f, "listening on {}", self.listening)
    }
}

/// The setup token, with the page and the command that create the first administrator.
#[derive(Clone, Serialize)]
struct Setup {
    token: String,
    page: String,
    command: String,
}
