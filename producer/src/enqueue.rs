//! `producer enqueue`: files in, one batch of jobs out. Memory does not grow with their number: the walk runs ahead by a
//! bounded channel, and as many jobs are under way as the confirm window holds.

use std::path::PathBuf;

use shared::job::{BatchId, Levels, Priority};
use shared::settings::ProducerSettings;

use crate::audience::Audience;
use crate::cli::EnqueueArgs;
use crate::failure::{End, Failure};
use crate::publish::{self, Delivery};
use crate::screen::Screen;
use crate::{connect, stop, watch};

mod audit;
mod changed;
mod dry_run;
mod feed;
mod session;
mod summary;
mod tally;

/// A label is for one line of a list.
const MAX_LABEL_CHARS: usize = 120;

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &EnqueueArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let roots = settings.media_roots.as_ref().ok_or_else(|| roots_missing(args))?;
    let level = level(settings.queue.levels, args.priority.as_deref())?;
    if args.dry_run {
        return dry_run::run(feed::start(args, roots)?, args, screen).await;
    }
    let store = connect::store(settings, screen).await?;
    let broker = connect::broker(settings, screen).await?;
    let topology = connect::topology(&settings.queue);
    let publisher = shared::broker::Publisher::open(&broker, topology.clone()).await?;
    let signal = stop::on_signal()?;
    let batch = BatchId::new();
    let session = session::Session {
        label: label(args),
        batch,
        level,
        audience: Audience::new(topology.clone(), batch, level, screen.clone()),
        force: args.force,
        topology,
        window: settings.queue.publish_window,
        delivery: Delivery::new(publisher, args.on_full, signal.child_token()),
        broker,
        store,
        signal,
        screen: screen.clone(),
        print_id: !args.json,
    };
    let mut found = feed::start(args, roots)?;
    if args.changed {
        found = changed::only(found, &session.store, screen).await?;
    }
    let ending = session.run(found).await?;
    let aftermath = Aftermath::of(&session, &ending, settings).await;
    publish::say_goodbye(&session.broker).await;
    summary::print(&session, &ending, &aftermath, args)?;
    let worth_watching = args.watch && summary::is_worth_watching(&ending, &aftermath);
    let end = summary::end(&session, ending, &aftermath)?;
    if !worth_watching || matches!(end, End::Interrupted | End::QueueFull) {
        return Ok(end);
    }
    let following = watch::follow(settings, &session.store, session.batch, &session.signal, screen);
    let watched = Box::pin(session.audience.beside(following, settings, &session.store)).await?;
    Ok(if watched == End::Done { end } else { watched })
}

/// What is seen of the accepted jobs once all are published.
#[derive(Debug, Default)]
struct Aftermath {
    /// Needs of the jobs that no worker serves.
    unserved: Vec<String>,
    nowhere: Option<audit::Nowhere>,
}

impl Aftermath {
    async fn of(session: &session::Session, ending: &session::Ending, settings: &ProducerSettings) -> Self {
        let accepted = ending.tally.accepted;
        if accepted == 0 || ending.interrupted || ending.tally.broken.is_some() {
            return Self::default();
        }
        let unserved = Box::pin(session.audience.look(Some(&session.broker), &session.store)).await;
        Self { unserved, nowhere: Box::pin(audit::audit(session, settings, accepted)).await }
    }
}

fn level(levels: Levels, name: Option<&str>) -> Result<Priority, Failure> {
    name.map_or_else(|| Ok(levels.default_level()), |name| levels.parse(name)).map_err(|error| {
        Failure::Usage(format!("--priority: {error} (QUEUE_PRIORITY_LEVELS={})", levels.count()))
    })
}

fn label(args: &EnqueueArgs) -> String {
    let label = args.label.clone().unwrap_or_else(|| {
        let named = args.paths.iter().chain(&args.files_from).map(|path| path.display().to_string());
        named.collect::<Vec<_>>().join(" ")
    });
    let mut short: String = label.chars().take(MAX_LABEL_CHARS).collect();
    if short.len() < label.len() {
        short.push('…');
    }
    short
}

fn roots_missing(args: &EnqueueArgs) -> Failure {
    let example = args.paths.first().and_then(|path| std::fs::canonicalize(path).ok()).map(|path| match path
        .is_dir()
    {
        true => path,
        false => path.parent().map_or_else(|| PathBuf::from("/srv/music"), Into::into),
    });
    let example = example.unwrap_or_else(|| PathBuf::from("/srv/music"));
    Failure::Settings(format!(
        "MEDIA_ROOTS is not set: it names the folders that the workers read, under names that are the same on every \
         machine. For example:\n  export MEDIA_ROOTS='music={}'",
        example.display()
    ))
}
