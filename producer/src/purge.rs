//! `producer purge`: takes messages out of the queues. None of them vanishes: each job ends as cancelled, stored before its
//! message is acknowledged, so that its batch comes to its end.

use std::io::{self, BufRead, IsTerminal};

use shared::broker::Channel;
use shared::settings::ProducerSettings;
use shared::topology::{QueueDepth, Topology};

use crate::cli::PurgeArgs;
use crate::failure::{End, Failure};
use crate::publish::say_goodbye;
use crate::screen::Screen;
use crate::text::count;
use crate::{connect, stop};

mod drain;
mod ends;

use drain::{Drain, Drained};

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &PurgeArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let topology = connect::topology(&settings.queue);
    let queues = chosen(&topology, args)?;
    let store = connect::store(settings, screen).await?;
    let broker = connect::broker(settings, screen).await?;
    let channel = broker.channel().await?;
    broker.declare(&topology).await?;
    let depths = depths(&topology, &channel, &queues).await?;
    let total: u64 = depths.iter().map(|depth| u64::from(depth.ready)).sum();
    if total == 0 {
        say_goodbye(&broker).await;
        screen.line(&format!("nothing to purge: no message waits in {}", queues.join(", ")));
        return Ok(End::Done);
    }
    if !args.yes && !is_confirmed(&depths, total, screen)? {
        say_goodbye(&broker).await;
        screen.line("nothing was purged");
        return Ok(End::Incomplete);
    }
    let signal = stop::on_signal()?;
    let mut purged = 0;
    for depth in depths.iter().filter(|depth| depth.ready > 0) {
        let drain = Drain { store: &store, levels: topology.levels, queue: &depth.queue, stop: &signal };
        let mut drained = Drained::default();
        let result = drain.run(&broker, u64::from(depth.ready), &mut drained).await;
        purged += drained.messages();
        screen.line(&words(&depth.queue, &drained));
        result?;
    }
    say_goodbye(&broker).await;
    if signal.is_cancelled() {
        screen.line(&format!("interrupted: {purged} of {} purged", count(total, "message")));
        return Ok(End::Interrupted);
    }
    Ok(End::Done)
}

/// The levels' queues; or exactly what is named.
fn chosen(topology: &Topology, args: &PurgeArgs) -> Result<Vec<String>, Failure> {
    let levels = topology.levels;
    let named = args.level.iter().map(|name| levels.parse(name));
    let named: Vec<_> =
        named.collect::<Result<_, _>>().map_err(|error| Failure::Usage(format!("--level: {error}")))?;
    let any = !named.is_empty() || args.retries || args.dead;
    let named = if any { named } else { levels.iter().collect() };
    let mut queues: Vec<String> = named.into_iter().map(|level| topology.level_queue(level)).collect();
    queues.dedup();
    if args.retries {
        queues.extend((0..topology.retry_delays.len()).filter_map(|tier| topology.retry(tier)));
    }
    if args.dead {
        queues.push(topology.dead());
    }
    Ok(queues)
}

async fn depths(
    topology: &Topology,
    channel: &Channel,
    queues: &[String],
) -> Result<Vec<QueueDepth>, Failure> {
    let all = topology.depths(channel).await.map_err(shared::broker::BrokerError::from)?;
    Ok(all.into_iter().filter(|depth| queues.contains(&depth.queue)).collect())
}

/// Asks on a terminal; elsewhere nobody could answer.
fn is_confirmed(depths: &[QueueDepth], total: u64, screen: &Screen) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !screen.is_terminal() {
        return Err(Failure::Usage(format!(
            "{} would be purged: --yes says that you mean it (on a terminal you are asked)",
            count(total, "message")
        )));
    }
    for depth in depths.iter().filter(|depth| depth.ready > 0) {
        screen.line(&format!("  {}  {}", depth.queue, count(depth.ready.into(), "message")));
    }
    screen.line("their jobs end as cancelled. Type yes to purge:");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn words(queue: &str, drained: &Drained) -> String {
    let mut parts = vec![format!("{} ended as cancelled", count(drained.cancelled, "job"))];
    if drained.repeated > 0 {
        parts.push(format!("{} had its end already", count(drained.repeated, "message")));
    }
    if drained.unreadable > 0 {
        parts.push(format!("{} was no job and is stored as a failure", count(drained.unreadable, "message")));
    }
    format!("{queue}: {} purged: {}", count(drained.messages(), "message"), parts.join(", "))
}
