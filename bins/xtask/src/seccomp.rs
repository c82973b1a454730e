//! The seccomp profile that container runtimes apply by default, made into the form that runc takes.

use std::env::consts;
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// The package that has the profile of podman and CRI-O, and the file.
pub(crate) const PACKAGE: (&str, &str) = ("golang-github-containers-common", PROFILE);

const PROFILE: &str = "/usr/share/containers/seccomp.json";

/// As runtimes distribute it: with rules for several architectures and capabilities.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    arch_map: Vec<Architectures>,
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Architectures {
    architecture: String,
    sub_architectures: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    names: Vec<String>,
    action: String,
    args: Option<Vec<Value>>,
    errno_ret: Option<u32>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Default, Deserialize)]
struct Condition {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
}

impl Rule {
    /// Whether it is for a container of this architecture with these capabilities.
    fn applies(&self, arch: &str, capabilities: &[&str]) -> bool {
        let has = |cap: &String| capabilities.contains(&cap.as_str());
        let (includes, excludes) = (&self.includes, &self.excludes);
        includes.caps.iter().all(has)
            && (includes.arches.is_empty() || includes.arches.iter().any(|it| it == arch))
            && !excludes.caps.iter().any(has)
            && !excludes.arches.iter().any(|it| it == arch)
    }

    fn resolved(self) -> Value {
        let mut rule = json!({ "names": self.names, "action": self.action, "args": self.args.unwrap_or_default() });
        if let Some(errno) = self.errno_ret {
            rule["errnoRet"] = errno.into();
        }
        rule
    }
}

/// `linux.seccomp` of a container with these capabilities.
pub(crate) fn default_profile(capabilities: &[&str]) -> Result<Value> {
    let text = fs::read_to_string(PROFILE)
        .with_context(|| format!("reading {PROFILE} (Debian package {})", PACKAGE.0))?;
    resolve(&text, consts::ARCH, capabilities)
}

fn resolve(text: &str, machine: &str, capabilities: &[&str]) -> Result<Value> {
    let profile: Profile =
        serde_json::from_str(text).with_context(|| format!("{PROFILE} is no seccomp profile"))?;
    let (arch, name) = match machine {
        "x86_64" => ("amd64", "SCMP_ARCH_X86_64"),
        "aarch64" => ("arm64", "SCMP_ARCH_AARCH64"),
        other => {
            bail!("the proof knows the seccomp architecture of x86_64 and aarch64, not of {other}")
        }
    };
    let mut architectures = vec![name.to_owned()];
    let known = profile.arch_map.into_iter();
    architectures.extend(
        known
            .filter(|it| it.architecture == name)
            .flat_map(|it| it.sub_architectures),
    );
    let rules = profile.syscalls.into_iter();
    let rules: Vec<Value> = rules
        .filter(|rule| rule.applies(arch, capabilities))
        .map(Rule::resolved)
        .collect();
    let mut seccomp = json!({
        "defaultAction": profile.default_action, "architectures": architectures, "syscalls": rules,
    });
    if let Some(errno) = profile.default_errno_ret {
        seccomp["defaultErrnoRet"] = errno.into();
    }
    Ok(seccomp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "archMap": [
            { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] },
            { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] }
        ],
        "syscalls": [
            { "names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {} },
            { "names": ["mount"], "action": "SCMP_ACT_ALLOW", "args": null, "includes": { "caps": ["CAP_SYS_ADMIN"] } },
            { "names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
            { "names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["amd64", "x32"] } }
        ]
    }"#;

    #[test]
    fn rules_of_other_architectures_and_capabilities_are_left_out() {
        let here = resolve(TEXT, "x86_64", &["CAP_NET_BIND_SERVICE"]).unwrap();
        assert_eq!(here["defaultErrnoRet"], 38);
        assert_eq!(
            here["architectures"],
            json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
        );
        assert_eq!(
            here["syscalls"],
            json!([
                { "names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [] },
                { "names": ["mount"], "action": "SCMP_ACT_ERRNO", "args": [], "errnoRet": 1 },
                { "names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "args": [] },
            ])
        );
        let arm = resolve(TEXT, "aarch64", &["CAP_SYS_ADMIN"]).unwrap();
        assert_eq!(arm["syscalls"][1]["action"], "SCMP_ACT_ALLOW");
        assert_eq!(arm["syscalls"].as_array().unwrap().len(), 2);
        resolve(TEXT, "riscv64", &[]).unwrap_err();
    }
}
