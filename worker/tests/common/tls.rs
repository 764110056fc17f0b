//! Certificates, and servers that have them: a listener more on the private RabbitMQ, and a Redis of the test's own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// The user of the test's own Redis, beside its default one.
pub const REDIS_USER: &str = "fleet";
pub const REDIS_PASSWORD: &str = "s3cret/+@";
/// The same in a URL.
pub const REDIS_LOGIN: &str = "fleet:s3cret%2F%2B%40";

/// An authority, and the folder of what it issued.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

/// Files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// Its own certificate, for TLS_CA_FILE.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// For a host, and until the end of the year.
    pub fn issue(&self, host: &str, until: i32) -> Pair {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let at = |ending: &str| self.folder.path().join(format!("{host}-{until}.{ending}"));
        let pair = Pair { certificate: at("pem"), key: at("key") };
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }
}

/// A TLS listener more on the private RabbitMQ, for as long as that runs; `None` where there is no private one that can
/// be reached by its tools.
pub fn rabbitmq(authority: &Authority, pair: &Pair, wants_certificate: bool) -> Option<u16> {
    let port = free_port();
    let verify = if wants_certificate { "verify_peer" } else { "verify_none" };
    let file = |path: &Path| format!("{:?}", path.to_str().unwrap());
    let options = format!(
        "[{{cacertfile,{}}},{{certfile,{}}},{{keyfile,{}}},{{verify,{verify}}},{{fail_if_no_peer_cert,{wants_certificate}}}]",
        file(&authority.file()),
        file(&pair.certificate),
        file(&pair.key),
    );
    let start =
        format!("ok = rabbit_networking:start_ssl_listener({{\"127.0.0.1\",{port},inet}}, {options}, 1).");
    ctl(&["eval", &start])?;
    Some(port)
}

/// rabbitmqctl on the private RabbitMQ: what it printed, or `None` where there is none.
pub fn ctl(arguments: &[&str]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/services.sh");
    let output = Command::new(script).arg("ctl").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("there is no private rabbitmq") {
        println!("not tested: {said}");
        return None;
    }
    assert!(output.status.success(), "{arguments:?}: {said}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A Redis with a port for each way, a password for its default user and one for [`REDIS_USER`], gone when dropped.
pub struct Redis {
    child: Child,
    pub plain: u16,
    pub tls: u16,
    _folder: TempDir,
}

impl Redis {
    pub fn start(authority: &Authority, pair: &Pair, wants_certificate: bool) -> Self {
        let (plain, tls, folder) = (free_port(), free_port(), tempfile::tempdir().unwrap());
        let clients = if wants_certificate { "yes" } else { "no" };
        let text = format!(
            "bind 127.0.0.1\nport {plain}\ntls-port {tls}\nsave \"\"\ndir {}\n\
             tls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}\ntls-auth-clients {clients}\n\
             requirepass other\nuser {REDIS_USER} on >{REDIS_PASSWORD} ~* &* +@all\n\
             user weak on >weak ~nothing:* +ping\n",
            folder.path().display(),
            authority.file().display(),
            pair.certificate.display(),
            pair.key.display(),
        );
        let config = folder.path().join("redis.conf");
        fs::write(&config, text).unwrap();
        let child = Command::new("redis-server").arg(config).stdout(Stdio::null()).spawn().unwrap();
        let redis = Self { child, plain, tls, _folder: folder };
        redis.answers();
        redis
    }

    /// Until it listens: a connection is waited for by the kernel's own retries nowhere, so it is tried.
    fn answers(&self) {
        let began = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.tls)).is_err() {
            assert!(began.elapsed().as_secs() < 30, "redis-server does not listen");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Without TLS, for the test itself.
    pub fn plain_url(&self) -> String {
        format!("redis://{REDIS_LOGIN}@127.0.0.1:{}/", self.plain)
    }

    pub fn tls_url(&self) -> String {
        format!("rediss://{REDIS_LOGIN}@127.0.0.1:{}/", self.tls)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free now; whoever takes it in between makes the test fail, not wrong.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
