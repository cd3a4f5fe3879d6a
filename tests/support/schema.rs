//! The schema of what programs read, and whether something is as it says.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

const SCHEMA: &str = include_str!("../../schema/haul.v1.json");
const PLACE: &str = "mem:///haul.v1.json";

/// The schema that is shipped.
pub struct Schema {
    schemas: Schemas,
    line: SchemaIndex,
    report: SchemaIndex,
    source: Value,
}

impl Schema {
    /// As it is in the repository.
    pub fn shipped() -> Self {
        let source: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(PLACE, source.clone()).expect("a schema");
        let mut compile = |place: &str| compiler.compile(place, &mut schemas).expect("a schema");
        let (line, report) = (compile(PLACE), compile(&format!("{PLACE}#/$defs/report")));
        Self {
            schemas,
            line,
            report,
            source,
        }
    }

    /// The lines of `--json`, each as the schema says and without a field that it does not name.
    #[track_caller]
    pub fn lines(&self, text: &str) -> Vec<Value> {
        assert!(text.ends_with('\n'), "the last line has its end");
        text.lines().map(|line| self.line(line)).collect()
    }

    #[track_caller]
    fn line(&self, text: &str) -> Value {
        let line: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(text.matches("\"v\":").count(), 1, "{text}");
        let valid = self.schemas.validate(&line, self.line);
        assert!(valid.is_ok(), "{text}\n{:#}", valid.unwrap_err());
        self.names_all_of(&line, line["event"].as_str().expect("an event"));
        line
    }

    /// A JSON report, as the schema says.
    #[track_caller]
    pub fn report(&self, text: &str) -> Value {
        let report: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let valid = self.schemas.validate(&report, self.report);
        assert!(valid.is_ok(), "{text}\n{:#}", valid.unwrap_err());
        self.names_all_of(&report, "report");
        report
    }

    #[track_caller]
    fn names_all_of(&self, value: &Value, definition: &str) {
        let named = &self.source["$defs"][definition]["properties"];
        for field in value.as_object().expect("an object").keys() {
            assert!(
                named.get(field).is_some(),
                "the schema does not name {field} of {definition}"
            );
        }
    }
}
