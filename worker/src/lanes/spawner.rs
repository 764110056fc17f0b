//! The thread that starts every lane.
//!
//! `PR_SET_PDEATHSIG` goes out when the *thread* that started the child ends, not its process (prctl(2)). Threads of the
//! runtime do end: blocking ones when idle, workers after `block_in_place`. So one thread starts all lanes and lives as
//! long as the pool.

use std::io;
use std::process::Stdio;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::LaneSettings;

type Order = oneshot::Sender<io::Result<Child>>;

#[derive(Debug)]
pub(super) struct Spawner(mpsc::Sender<Order>);

impl Spawner {
    /// Needs a runtime around it: the children's pipes are registered there.
    pub(super) fn start(settings: &LaneSettings) -> io::Result<Self> {
        let mut command = command(settings);
        let runtime = Handle::current();
        // One order per lane at a time; nobody waits for room.
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::Builder::new().name("lane-spawner".to_owned()).spawn(move || {
            let _context = runtime.enter();
            for order in orders {
                // Nobody waits any more: the child goes with the order, and is killed on drop.
                let _ = order.send(command.spawn());
            }
        })?;
        Ok(Self(sender))
    }

    pub(super) async fn spawn(&self) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts lanes has ended");
        let (order, child) = oneshot::channel();
        self.0.send(order).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

fn command(settings: &LaneSettings) -> Command {
    let mut command = Command::new(&settings.program);
    command
        .arg0("worker")
        .args(&settings.args)
        // A lane needs nothing from the environment, and what is not there (AMQP_URL, REDIS_URL, their passwords) cannot be
        // read by whoever takes a decoder over. It is a statically linked program but for libc.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C goes to the whole foreground group. The worker then drains: its lanes are to finish what they have begun.
        .process_group(0)
        .kill_on_drop(true);
    command
}
