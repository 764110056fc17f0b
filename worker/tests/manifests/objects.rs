//! Reading Kubernetes objects: which of them start pods, and what quantities mean.

use serde_json::Value;

/// An object that starts pods.
#[derive(Clone, Copy)]
pub struct Workload<'a> {
    /// The object itself.
    pub object: &'a Value,
    /// Its pods' labels and spec.
    pub template: &'a Value,
}

impl<'a> Workload<'a> {
    /// `Kind name`, for messages.
    pub fn title(&self) -> String {
        title(self.object)
    }

    /// The pods' spec.
    pub fn pod(&self) -> &'a Value {
        &self.template["spec"]
    }

    /// Containers of the pods.
    pub fn containers(&self) -> impl Iterator<Item = &'a Value> {
        items(&self.pod()["containers"])
    }

    /// Runs until it is stopped.
    pub fn stays(&self) -> bool {
        matches!(text(&self.object["kind"]), "Deployment" | "StatefulSet")
    }

    /// Whether it is a pool of workers.
    pub fn is_worker(&self) -> bool {
        self.object["kind"] == "Deployment" && self.label("app.kubernetes.io/name") == "worker"
    }

    /// A label of the pods, empty if they have none such.
    pub fn label(&self, name: &str) -> &'a str {
        text(&self.template["metadata"]["labels"][name])
    }

    /// Whether a selector's `matchLabels` choose the pods.
    pub fn matches(&self, selector: &Value) -> bool {
        let labels = selector["matchLabels"].as_object();
        labels.is_none_or(|labels| {
            labels.iter().all(|(name, value)| self.template["metadata"]["labels"][name] == *value)
        })
    }
}

/// All that start pods.
pub fn workloads(objects: &[Value]) -> impl Iterator<Item = Workload<'_>> {
    objects.iter().filter_map(|object| {
        let template = match text(&object["kind"]) {
            "Deployment" | "StatefulSet" | "Job" => &object["spec"]["template"],
            "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
            _ => return None,
        };
        Some(Workload { object, template })
    })
}

/// Objects of a kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// `Kind name`.
pub fn title(object: &Value) -> String {
    format!("{} {}", text(&object["kind"]), name(object))
}

/// An object's name.
pub fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

/// A text, empty where there is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list, none where there is no list.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A whole number, also when written as text.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| text(value).parse().ok())
}

/// `500m`, `2`, `64Mi` in units (cores, bytes); `None` where it is absent or odd.
pub fn quantity(value: &Value) -> Option<f64> {
    if let Some(number) = value.as_f64() {
        return Some(number);
    }
    let text = value.as_str()?;
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "m" => 1e-3,
        "Ki" => 1024.0,
        "Mi" => f64::from(1 << 20),
        "Gi" => f64::from(1 << 30),
        "Ti" => f64::from(1 << 20) * f64::from(1 << 20),
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

/// Whether an image's reference names a version: a tag other than latest, or a digest.
pub fn is_versioned(image: &str) -> bool {
    let after_host = image.rsplit('/').next().unwrap_or_default();
    image.contains("@sha256:")
        || after_host.split_once(':').is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest")
}
