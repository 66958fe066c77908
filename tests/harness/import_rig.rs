//! Imports over HTTP.

use serde_json::{Value, json};

use crate::{Answer, Client};

pub const IMPORTS: &str = "/backup/imports";

/// The six tables that can be imported.
pub const IMPORTABLE: [&str; 6] = [
    "students",
    "courses",
    "payment_categories",
    "enrollments",
    "payments",
    "attendance",
];

impl Client {
    /// Sends a file as the body. `query` has the options.
    pub async fn send_import(&self, table: &str, query: &str, file: impl Into<reqwest::Body>) -> Answer {
        let path = format!("{IMPORTS}/{table}?{query}");
        self.post_raw(&path, "application/octet-stream", file).await
    }

    /// The plan of a file.
    pub async fn plan_import(&self, table: &str, query: &str, file: impl Into<reqwest::Body>) -> Value {
        self.send_import(table, query, file).await.expect(201).json()
    }

    /// Applies a plan.
    pub async fn apply_import(&self, plan: &Value) -> Answer {
        let path = format!("{IMPORTS}/{}/apply", plan["id"].as_str().unwrap());
        self.post(&path, &json!({"plan_hash": plan["hash"], "confirm": "import"}))
            .await
    }

    /// Plans and applies, and returns the result of the job, with the job's id as `job`.
    pub async fn import(&self, table: &str, query: &str, file: impl Into<reqwest::Body>) -> Value {
        let plan = self.plan_import(table, query, file).await;
        assert_eq!(plan["can_apply"], true, "{plan}");
        let job = self.job(self.apply_import(&plan).await).await;
        assert_eq!(job["state"], "succeeded", "{job}");
        let mut result = job["result"].clone();
        result["job"] = job["id"].clone();
        result
    }
}

/// The counts of a plan without those that are 0.
pub fn counts(plan: &Value) -> Value {
    let rows = plan["rows"].as_object().unwrap().iter();
    rows.filter(|(_, count)| **count != json!(0))
        .map(|(name, count)| (name.clone(), count.clone()))
        .collect()
}
