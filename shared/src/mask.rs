//! URLs as they may be shown: without what may be a password.

/// What stands where a secret was.
pub(crate) const MASK: &str = "***";

/// Schemes that are shown before the mask. Of anything else even the part before `://` may be a password.
const SHOWN_SCHEMES: [&str; 10] = [
    "amqp",
    "amqps",
    "redis",
    "rediss",
    "redis-cluster",
    "rediss-cluster",
    "redis-sentinel",
    "rediss-sentinel",
    "http",
    "https",
];

/// The URL with its password and its query as `***`, the whole of it when it is no such URL.
///
/// It errs on the side of hiding. Users forget to encode `@`, `/` and `?` in passwords, so everything up to the last `@` is
/// taken for credentials. A user name without a password may be a token, and so may anything but a number that stands in
/// the place of a Redis database.
#[must_use]
pub fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    if !SHOWN_SCHEMES.contains(&scheme) {
        return MASK.to_owned();
    }
    let (credentials, place) = match rest.rsplit_once('@') {
        Some((credentials, place)) => (Some(credentials), place),
        None => (None, rest),
    };
    let user = match credentials.map(|text| text.split_once(':')) {
        None => String::new(),
        Some(None | Some((_, ""))) => format!("{MASK}@"),
        Some(Some((user, _))) => format!("{}:{MASK}@", user.escape_debug()),
    };
    let (place, query) = match place.find(['?', '#']) {
        Some(at) => (&place[..at], format!("{}{MASK}", &place[at..=at])),
        None => (place, String::new()),
    };
    let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let is_database = |path: &str| path.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    let path = match scheme.starts_with("redis") && !is_database(path) {
        true => format!("/{MASK}"),
        false => path.escape_debug().to_string(),
    };
    format!("{scheme}://{user}{}{path}{query}", host.escape_debug())
}
