//! Policies that an operator sets at the broker, beside what the queues were declared with.

use serde_json::Value;
use shared::topology::Topology;

use crate::fleet::{Fleet, LIMIT, Output, finish};
use crate::private_servers::PrivateServers;

const FILES: usize = 60;
/// What the policy of these tests leaves in a queue: in that of the level, and in that of the dead letters, through which goes
/// what the former drops.
const KEPT: usize = 5;

/// A fleet on servers whose policies are its own, and whose HTTP API it may ask.
struct Site {
    servers: PrivateServers,
    fleet: Fleet,
}

impl Site {
    fn start() -> Self {
        let servers = PrivateServers::start();
        let mut fleet = Fleet::new();
        fleet.amqp_url = servers.url("AMQP_URL").to_owned();
        fleet.redis_url = servers.url("REDIS_URL").to_owned();
        Self { servers, fleet }
    }

    async fn run(&self, api: Option<&str>, args: &[&str]) -> Output {
        let mut command = self.fleet.command(args);
        if let Some(api) = api {
            command.env("RABBITMQ_API_URL", api);
        }
        finish(command).await
    }

    fn topology(&self) -> Topology {
        self.fleet.topology()
    }

    fn set_policy(&self, definition: &str) {
        let pattern = format!("^{}", self.fleet.prefix);
        self.servers.ctl(&["set_policy", "ours", &pattern, definition, "--apply-to", "queues"]);
    }

    /// Checks until this is seen: the API's figures are some seconds old, those of each queue by themselves.
    async fn check_until(&self, is_seen: impl Fn(&Output) -> bool) -> Output {
        let checked = async {
            loop {
                let check =
                    self.run(Some(self.servers.url("RABBITMQ_API_URL")), &["topology", "check"]).await;
                if is_seen(&check) {
                    return check;
                }
            }
        };
        tokio::time::timeout(LIMIT, checked).await.expect("the API shows what is in force")
    }
}

#[tokio::test]
async fn what_a_policy_drops_is_counted_and_the_policy_is_named() {
    let site = Site::start();
    let api = Some(site.servers.url("RABBITMQ_API_URL"));
    let (fleet, root) = (&site.fleet, site.fleet.root().to_owned());
    fleet.files(FILES);
    assert_eq!(site.run(api, &["topology", "apply"]).await.code, 0);
    let check = site.run(api, &["topology", "check"]).await;
    assert_eq!((check.code, check.stderr.as_str()), (0, ""), "nothing is left unchecked: {check:?}");

    site.set_policy(&format!("{{\"max-length\":{KEPT},\"overflow\":\"drop-head\"}}"));
    let queue = site.topology().level_queue(site.topology().levels.default_level());
    let told = format!(
        "queue '{queue}': policy 'ours' sets max-length = {KEPT}: beyond it the oldest jobs are dropped"
    );
    let check = site.check_until(|check| check.code == 78 && check.stdout.contains(&told)).await;
    assert!(check.stdout.contains("UNSAFE") && check.stderr.contains("policies can lose jobs"), "{check:?}");
    let json = site.run(api, &["topology", "check", "--json"]).await;
    let findings: Vec<Value> = serde_json::from_str(&json.stdout).unwrap();
    let of_queue = findings.iter().find(|it| it["state"] == "unsafe" && it["name"] == queue).unwrap();
    assert_eq!(
        (&of_queue["object"], &of_queue["argument"], &of_queue["found"]),
        (&"policy".into(), &"max-length".into(), &"5".into())
    );

    let lost = FILES - 2 * KEPT;
    let output = site.run(api, &["enqueue", &root]).await;
    let counted = format!("accepted {FILES}, of which {lost} are nowhere");
    assert!(
        output.code == 1 && output.stderr.contains(&counted) && output.stderr.contains(&told),
        "{output:?}"
    );
    // Without the API the loss is seen as well, since no worker is there that could hold a job.
    let output = site.run(None, &["enqueue", &root, "--json"]).await;
    let numbers: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        (output.code, &numbers["accepted"], &numbers["nowhere"]),
        (1, &FILES.into(), &lost.into()),
        "{output:?}"
    );
    assert!(output.stderr.contains("set RABBITMQ_API_URL"), "{output:?}");

    site.servers.ctl(&["clear_policy", "ours"]);
    site.check_until(|check| check.code == 0).await;
    let output = site.run(api, &["enqueue", &root]).await;
    assert!(output.code == 0 && !output.stderr.contains("nowhere"), "{output:?}");
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_told() {
    let fleet = Fleet::new();
    assert_eq!(fleet.run(&["topology", "apply"]).await.code, 0);
    let mut command = fleet.command(&["topology", "check"]);
    command.env("RABBITMQ_API_URL", "http://guest:s3cret@127.0.0.1:1");
    let output = finish(command).await;
    assert_eq!(output.code, 69, "{output:?}");
    assert!(
        output
            .stderr
            .contains("policies were not checked: RabbitMQ's HTTP API at 127.0.0.1:1 (RABBITMQ_API_URL)"),
        "{output:?}"
    );
    assert!(!output.stderr.contains("s3cret"), "{output:?}");
    let mut command = fleet.command(&["topology", "check"]);
    command.env("RABBITMQ_API_URL", "amqp://guest:s3cret@127.0.0.1:1");
    let output = finish(command).await;
    assert!(output.code == 78 && output.stderr.contains("RABBITMQ_API_URL=amqp://guest:***@"), "{output:?}");
}

#[tokio::test]
async fn jobs_that_workers_may_hold_are_not_called_lost() {
    let fleet = Fleet::new();
    fleet.files(20);
    assert_eq!(fleet.run(&["topology", "apply"]).await.code, 0);
    fleet.announce_worker(20).await;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    let mut taken = 0;
    while taken < 20 {
        taken += fleet.take("normal", 20).await.len();
    }
    running.expect("20 files").await;
    let output = running.end().await;
    assert!(output.code == 0 && !output.stderr.contains("nowhere"), "{output:?}");
}
