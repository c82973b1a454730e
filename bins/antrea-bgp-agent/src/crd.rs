//! `crd`: the CustomResourceDefinition, ready for `kubectl apply -f -`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::{Number, Value};

use crate::style::print;

/// Prints the CRD of BGPPolicy as YAML.
pub(crate) fn crd() -> Result<ExitCode> {
    print(&yaml()?)?;
    Ok(ExitCode::SUCCESS)
}

fn yaml() -> Result<String> {
    let mut crd = serde_json::to_value(antrea_bgp_api::crd()).context("the CRD")?;
    write_whole_numbers_as_such(&mut crd);
    serde_saphyr::to_string(&crd).context("the CRD as YAML")
}

/// Kubernetes' types hold bounds as floating-point numbers; a person expects `maximum: 65535`.
fn write_whole_numbers_as_such(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number
                .as_f64()
                .filter(|n| n.fract() == 0.0 && n.abs() < 9e15)
            {
                *number = Number::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_whole_numbers_as_such),
        Value::Object(fields) => fields.values_mut().for_each(write_whole_numbers_as_such),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_as_the_crd() {
        let text = yaml().unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        let mut crd = serde_json::to_value(antrea_bgp_api::crd()).unwrap();
        write_whole_numbers_as_such(&mut crd);
        assert_eq!(read, crd);
        assert!(text.contains("maximum: 4294967294\n"), "{text}");
    }
}
