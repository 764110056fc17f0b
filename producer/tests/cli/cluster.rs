//! A Redis Cluster behind TLS.

use crate::cluster_servers::{Cluster, Files};
use crate::fleet::{Fleet, finish};
use crate::tls_servers::Authority;

#[tokio::test]
async fn batches_are_kept_on_a_cluster_over_tls() {
    let authority = Authority::new("fleet");
    let pair = authority.issue("127.0.0.1", 2999);
    let files = Files { authority: authority.file(), certificate: pair.certificate, key: pair.key };
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(Some(files))).await.unwrap();
    let mut fleet = Fleet::new();
    fleet.redis_url = cluster.url();
    fleet.files(5);
    let over_tls = |args: &[&str]| {
        let mut command = fleet.command(args);
        command.env("TLS_CA_FILE", authority.file());
        command
    };
    for label in ["here", "there", "elsewhere"] {
        let output = finish(over_tls(&["enqueue", fleet.root(), "--label", label])).await;
        assert_eq!(output.code, 0, "{output:?}");
    }
    let output = finish(over_tls(&["batches", "--json"])).await;
    let batches: Vec<serde_json::Value> = serde_json::from_str(&output.stdout).unwrap();
    let labels: Vec<&str> = batches.iter().map(|batch| batch["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["elsewhere", "there", "here"], "{output:?}");
    assert!(batches.iter().all(|batch| batch["sealed"] == true && batch["accepted"] == 5), "{output:?}");

    // One of its nodes by the scheme of a single server: the key is another node's, sooner or later.
    let (_, nodes) = cluster.url().split_once("//").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let node = nodes.split(',').next().unwrap();
    let mut denied = 0;
    for label in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let mut command = over_tls(&["enqueue", fleet.root(), "--label", label]);
        command.env("REDIS_URL", format!("rediss://{node}/"));
        let output = finish(command).await;
        denied += usize::from(output.code == 78 && output.stderr.contains("use redis-cluster://"));
    }
    assert!(denied > 0);
}
