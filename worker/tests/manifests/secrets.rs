//! What `deploy/secrets.sh` writes is what worker, servers and scaler read.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use shared::settings::WorkerSettings;

use crate::rendered::path;

fn secrets(arguments: &[&str]) -> ExitStatus {
    Command::new(path("deploy/secrets.sh")).args(arguments).output().unwrap().status
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn the_passwords_open_what_they_belong_to() {
    let folder = tempfile::tempdir().unwrap().path().join("secrets");
    assert!(secrets(&[folder.to_str().unwrap(), "fleet"]).success());
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "its owner's alone");
    // A user of its own reads each in the container.
    assert_eq!(std::fs::metadata(folder.join("amqp-url")).unwrap().permissions().mode() & 0o777, 0o644);

    let file = |name: &str| folder.join(name).into_os_string();
    let variables: [(OsString, OsString); 3] = [
        ("AMQP_URL_FILE".into(), file("amqp-url")),
        ("REDIS_URL_FILE".into(), file("redis-url")),
        ("MEDIA_ROOTS".into(), "music=/media".into()),
    ];
    let (settings, _) = WorkerSettings::from_vars(variables).unwrap();
    let (user, password) = (read(&folder, "username"), read(&folder, "password"));
    assert!(password.len() >= 32, "128 bits");
    assert_eq!(settings.queue.amqp_url.expose(), format!("amqp://{user}:{password}@rabbitmq:5672/%2f"));
    assert_eq!(
        read(&folder, "rabbitmq-api-url"),
        format!("http://{user}:{password}@rabbitmq.fleet.svc:15672/%2f")
    );
    assert!(read(&folder, "default_user.conf").contains(&format!("default_pass = {password}\n")));
    let redis = read(&folder, "redis.conf").trim().replace("requirepass ", "");
    assert_eq!(settings.store.redis_url.expose(), format!("redis://:{redis}@redis:6379/0"));
    assert_ne!(redis, password);

    assert_eq!(read(&folder, "rabbitmq-api-tls"), "disable");
    assert!(!folder.join("grafana-password").exists(), "nothing in Kubernetes reads it");
    assert!(!secrets(&[folder.to_str().unwrap()]).success(), "nothing is overwritten");
    assert_eq!(read(&folder, "password"), password);
}

#[test]
fn with_tls_the_urls_of_rabbitmq_say_so() {
    let folder = tempfile::tempdir().unwrap().path().join("secrets");
    assert!(secrets(&["--tls", folder.to_str().unwrap(), "fleet"]).success());
    let password = read(&folder, "password");
    assert_eq!(read(&folder, "amqp-url"), format!("amqps://analysis:{password}@rabbitmq:5671/%2f"));
    assert_eq!(
        read(&folder, "rabbitmq-api-url"),
        format!("https://analysis:{password}@rabbitmq.fleet.svc:15671/%2f")
    );
    // What KEDA wants to read there; anything else leaves the certificates unused.
    assert_eq!(read(&folder, "rabbitmq-api-tls"), "enable");
}

#[test]
fn compose_gets_a_password_for_grafana() {
    let folder = tempfile::tempdir().unwrap().path().join("secrets");
    assert!(secrets(&[folder.to_str().unwrap()]).success());
    assert!(read(&folder, "grafana-password").len() >= 32, "128 bits");
}
