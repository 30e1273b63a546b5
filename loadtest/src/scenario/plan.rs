//! Plans of runs: a scenario from the command line, or one with phases from a TOML file.
//!
//! ```toml
//! scenario = "fanout"
//!
//! [options]                  # named as on the command line, without the dashes
//! url = ["ws://127.0.0.1:3000", "ws://127.0.0.1:3001"]
//! clients = 1000
//! rooms = 10
//!
//! [[phases]]
//! name = "ramp"
//! duration = "10s"
//! rate = [0, 500]            # messages per second at the beginning and at the end
//! measured = false
//!
//! [[phases]]
//! name = "steady"
//! duration = "1m"
//! rate = 500
//!
//! [[phases]]
//! name = "cool-down"
//! duration = "10s"
//! rate = [500, 0]
//! measured = false
//! ```
//!
//! Without a rate, phases are a closed loop with the `window` of the options; a plan has a rate in all phases or none.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;
use toml::{Table, Value};

use crate::error::RunError;
use crate::report::outputs::Outputs;
use crate::scenario::Scenario;
use crate::traffic::phases::Phase;

/// A run, and how to describe it to another tester.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    /// The command line that means the same, without the program's name and without phases.
    pub(crate) arguments: Vec<String>,
    /// The phases in TOML; may be empty.
    pub(crate) phases: Vec<PhasePlan>,
}

/// The command line of a scenario.
#[derive(Parser)]
#[command(name = "loadtest")]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
    /// Options that concern only the tester that makes the report.
    #[command(flatten)]
    _outputs: Outputs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: String,
    #[serde(default)]
    options: Table,
    #[serde(default)]
    phases: Vec<PhasePlan>,
}

/// One phase as the file has it.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PhasePlan {
    name: String,
    duration: String,
    rate: Option<Rate>,
    #[serde(default = "measured")]
    measured: bool,
}

/// Messages per second.
#[derive(Debug, Clone, Copy, serde::Serialize, Deserialize)]
#[serde(untagged)]
enum Rate {
    Even(f64),
    Ramp([f64; 2]),
}

fn measured() -> bool {
    true
}

impl Plan {
    /// The plan that the command line of this process is.
    pub(crate) fn of(scenario: Scenario) -> Self {
        let arguments = std::env::args().skip(1).collect();
        Self { scenario, arguments, phases: Vec::new() }
    }

    /// Reads a plan from a file.
    pub(crate) fn load(path: &Path) -> Result<Self, RunError> {
        let fault = |reason: String| RunError::Plan { file: path.display().to_string(), reason };
        let text = fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        Self::parse(&text).map_err(fault)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut arguments = vec![file.scenario];
        for (name, value) in &file.options {
            push_option(&mut arguments, name, value)?;
        }
        Self::of_arguments(arguments, file.phases)
    }

    /// The plan that these arguments and phases are.
    pub(crate) fn of_arguments(arguments: Vec<String>, phases: Vec<PhasePlan>) -> Result<Self, String> {
        let program = "loadtest".to_owned();
        let line =
            Line::try_parse_from([program].iter().chain(&arguments)).map_err(|error| error.to_string())?;
        let mut scenario = line.scenario;
        if !phases.is_empty() {
            let load = scenario.load_mut().ok_or("this scenario has no phases")?;
            load.phases = Some(phases.iter().map(PhasePlan::phase).collect::<Result<_, _>>()?);
            let with_rate = phases.iter().filter(|phase| phase.rate.is_some()).count();
            if with_rate != 0 && with_rate != phases.len() {
                return Err("either all phases have a rate or none".to_owned());
            }
            if !phases.iter().any(|phase| phase.measured) {
                return Err("no phase is measured".to_owned());
            }
        }
        Ok(Self { scenario, arguments, phases })
    }
}

impl PhasePlan {
    fn phase(&self) -> Result<Phase, String> {
        let duration: Duration = humantime::parse_duration(&self.duration)
            .map_err(|error| format!("phase {}: {error}", self.name))?;
        let rate = match self.rate {
            None => None,
            Some(Rate::Even(rate)) => Some((rate, rate)),
            Some(Rate::Ramp([from, to])) => Some((from, to)),
        };
        if rate.is_some_and(|(from, to)| !(0.0..=1e7).contains(&from) || !(0.0..=1e7).contains(&to)) {
            return Err(format!("phase {}: rates are from 0 to 10,000,000", self.name));
        }
        Ok(Phase { name: self.name.clone(), duration, is_measured: self.measured, rate })
    }
}

/// Appends an option as the command line has it; an array is the option several times.
fn push_option(arguments: &mut Vec<String>, name: &str, value: &Value) -> Result<(), String> {
    let flag = format!("--{}", name.replace('_', "-"));
    match value {
        Value::Boolean(true) => arguments.push(flag),
        Value::Boolean(false) => {}
        Value::String(text) => arguments.push(format!("{flag}={text}")),
        Value::Integer(number) => arguments.push(format!("{flag}={number}")),
        Value::Float(number) => arguments.push(format!("{flag}={number}")),
        Value::Array(values) => {
            for value in values {
                push_option(arguments, name, value)?;
            }
        }
        // Only `auth` is a table.
        Value::Table(table) => {
            let json = serde_json::to_string(table).map_err(|error| error.to_string())?;
            arguments.push(format!("{flag}={json}"));
        }
        Value::Datetime(_) => return Err(format!("{name} must not be a date")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_command_line_with_phases() {
        let plan = Plan::parse(
            "scenario = 'jitter'\n[options]\nurl = ['ws://127.0.0.1:1', 'ws://127.0.0.1:2']\nclients = 10\n\
             recovery = true\nauth = { token = 'x' }\n\
             [[phases]]\nname = 'ramp'\nduration = '2s'\nrate = [0, 10]\nmeasured = false\n\
             [[phases]]\nname = 'steady'\nduration = '1m'\nrate = 10\n",
        );
        let mut plan = plan.expect("valid");
        assert_eq!((plan.scenario.name(), plan.scenario.server().urls.len()), ("jitter", 2));
        assert_eq!(plan.scenario.options()["recovery"], true);
        assert_eq!(plan.scenario.options()["server"]["auth"]["token"], "x");
        let phases = plan.scenario.load_mut().and_then(|load| load.phases.clone()).expect("has phases");
        assert_eq!((phases[0].rate, phases[0].is_measured), (Some((0.0, 10.0)), false));
        assert_eq!((phases[1].duration.as_secs(), phases[1].is_measured), (60, true));
    }

    #[test]
    fn what_is_unknown_or_contradictory_is_refused() {
        let phase =
            |extra: &str| format!("scenario = 'fanout'\n[[phases]]\nname = 'a'\nduration = '1s'\n{extra}");
        for text in [
            "scenario = 'nothing'".to_owned(),
            "scenario = 'fanout'\n[options]\nclient = 1".to_owned(),
            "scenario = 'fanout'\nclients = 1".to_owned(),
            phase("rates = 1"),
            phase("measured = false"),
            phase("rate = -1"),
            phase("[[phases]]\nname = 'b'\nduration = '1s'\nrate = 1"),
            phase("").replace("fanout", "idle"),
        ] {
            assert!(Plan::parse(&text).is_err(), "{text}");
        }
        assert!(Plan::parse(&phase("")).is_ok());
    }
}
