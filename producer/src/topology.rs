//! `producer topology`: the exchanges and queues on the broker, against those that the settings ask for.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde::Serialize;
use shared::broker::{Broker, BrokerError};
use shared::printable::write_json_indented;
use shared::settings::ProducerSettings;
use shared::topology::{Mismatch, Object, TopologyError};

use crate::cli::Topology;
use crate::connect;
use crate::failure::{End, Failure};
use crate::screen::Screen;

pub(crate) mod policies;

/// What is not checked where the settings name no API.
const NO_API: &str = "policies were not checked, and they can lose jobs: set RABBITMQ_API_URL, or look at rabbitmqctl \
                      list_policies and list_operator_policies";

/// An exchange, a queue or a binding, and how it was found.
#[derive(Debug, Serialize)]
struct Finding {
    object: &'static str,
    name: String,
    state: State,
    #[serde(flatten)]
    difference: Option<Difference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Missing,
    Made,
    Differs,
    /// A policy can lose or expire jobs in it.
    Unsafe,
}

#[derive(Debug, Serialize)]
struct Difference {
    argument: String,
    found: String,
    wanted: String,
    /// Null where no setting is behind it.
    variable: Option<&'static str>,
    /// All of it and what to do, for people.
    detail: String,
}

pub(crate) async fn run(
    settings: &ProducerSettings,
    what: &Topology,
    screen: &Screen,
) -> Result<End, Failure> {
    let (make, json) = match what {
        Topology::Check(args) => (false, args.json),
        Topology::Apply(args) => (true, args.json),
    };
    let broker = connect::broker(settings, screen).await?;
    let mut findings = Vec::new();
    for object in connect::topology(&settings.queue).objects() {
        findings.extend(look(&broker, &object, make).await?);
    }
    broker.close().await;
    let unchecked = add_policies(settings, &mut findings).await?;
    print(&findings, json)?;
    let end = conclude(&findings)?;
    match unchecked {
        // Whoever names an API wants to know what it says.
        Some(Unchecked::NoAnswer(why)) if !make => Err(Failure::Unavailable(why)),
        Some(Unchecked::NoAnswer(why)) => {
            screen.line(&why);
            Ok(end)
        }
        Some(Unchecked::NoApi) if !make => {
            screen.line(NO_API);
            Ok(end)
        }
        _ => Ok(end),
    }
}

/// Why policies were not checked.
enum Unchecked {
    /// The settings name no API.
    NoApi,
    /// It does not answer.
    NoAnswer(String),
}

/// Adds what policies can do to the queues, as far as the broker's HTTP API tells; else says why it does not.
async fn add_policies(
    settings: &ProducerSettings,
    findings: &mut Vec<Finding>,
) -> Result<Option<Unchecked>, Failure> {
    let Some(api) = policies::api(settings)? else { return Ok(Some(Unchecked::NoApi)) };
    let hazards = match policies::hazards(&api, &connect::topology(&settings.queue)).await {
        Ok(hazards) => hazards,
        Err(error) => {
            return Ok(Some(Unchecked::NoAnswer(format!("policies were not checked: {error}"))));
        }
    };
    findings.extend(hazards.into_iter().map(|hazard| {
        let detail = hazard.detail();
        let wanted = "not set".to_owned();
        let policies::Hazard { queue, key, value, .. } = hazard;
        let difference = Difference { argument: key, found: value, wanted, variable: None, detail };
        Finding { object: "policy", name: queue, state: State::Unsafe, difference: Some(difference) }
    }));
    Ok(None)
}

/// Each question on a channel of its own: the broker closes one where the answer is no.
async fn look(broker: &Broker, object: &Object, make: bool) -> Result<Option<Finding>, BrokerError> {
    let finding = |state, difference| {
        Some(Finding { object: object.kind(), name: object.name().to_owned(), state, difference })
    };
    let Some(exists) = object.exists(&broker.channel().await?).await? else {
        if make {
            object.declare(&broker.channel().await?).await?;
        }
        return Ok(None);
    };
    if !exists && !make {
        return Ok(finding(State::Missing, None));
    }
    // What exists is not changed by this: the broker compares, and says what differs.
    match object.declare(&broker.channel().await?).await {
        Ok(()) if exists => Ok(finding(State::Ok, None)),
        Ok(()) => Ok(finding(State::Made, None)),
        Err(error) => match Difference::of(error) {
            Ok(difference) => Ok(finding(State::Differs, Some(difference))),
            Err(other) => Err(other.into()),
        },
    }
}

impl Difference {
    fn of(error: TopologyError) -> Result<Self, TopologyError> {
        let detail = error.to_string();
        match error {
            TopologyError::Differs(mismatch) => {
                let Mismatch { argument, found, wanted, variable, .. } = *mismatch;
                Ok(Self { argument, found, wanted, variable, detail })
            }
            other @ (TopologyError::Refused { .. } | TopologyError::Missing { .. }) => Err(other),
        }
    }
}

fn print(findings: &[Finding], json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        write_json_indented(&mut out, findings)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["object", "name", "state"]);
    for finding in findings {
        table.add_row([finding.object, &finding.name, finding.state.word()]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    for difference in findings.iter().filter_map(|finding| finding.difference.as_ref()) {
        writeln!(out, "\n{}", difference.detail)?;
    }
    Ok(())
}

fn conclude(findings: &[Finding]) -> Result<End, Failure> {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (differing, missing, harmful) = (count(State::Differs), count(State::Missing), count(State::Unsafe));
    if differing > 0 {
        let all = findings.len() - harmful;
        return Err(Failure::Settings(format!("{differing} of {all} differ from what the settings ask for")));
    }
    if harmful > 0 {
        return Err(Failure::Settings(format!("policies can lose jobs: {harmful} found, see above")));
    }
    if missing > 0 {
        return Err(Failure::NotFound(format!("{missing} missing: `producer topology apply` makes them")));
    }
    Ok(End::Done)
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "MISSING",
            Self::Made => "made",
            Self::Differs => "DIFFERS",
            Self::Unsafe => "UNSAFE",
        }
    }
}
