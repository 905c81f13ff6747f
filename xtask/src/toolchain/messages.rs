//! What cargo's messages tell of a run for several targets: for which of them it came to an end.

use std::path::Path;

use cargo_metadata::Message;

/// The targets for which the library of a package was made, or was there, by cargo's `--message-format json…`. Lines that
/// are no messages may stand between them.
pub(crate) fn made_for<'t>(messages: &str, package: &str, targets: &[&'t str]) -> Vec<&'t str> {
    let made: Vec<_> = Message::parse_stream(messages.as_bytes())
        .filter_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == package => Some(artifact.filenames),
            _ => None,
        })
        .flatten()
        .collect();
    let is_for = |file: &Path, target: &str| file.components().any(|part| part.as_os_str() == target);
    let was_made = |target: &&str| made.iter().any(|file| is_for(file.as_std_path(), target));
    targets.iter().copied().filter(was_made).collect()
}

#[cfg(test)]
mod tests {
    use super::made_for;

    fn artifact(package: &str, file: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"p","manifest_path":"/p","target":{{"kind":["lib"],"crate_types":["lib"],"name":"{package}","src_path":"/p/lib.rs","edition":"2021","doctest":false,"test":false,"doc":true}},"profile":{{"opt_level":"0","debuginfo":0,"debug_assertions":true,"overflow_checks":true,"test":false}},"features":[],"filenames":["{file}"],"executable":null,"fresh":false}}"#
        )
    }

    #[test]
    fn what_cargo_names_was_made() {
        let log = [
            "    Checking std".to_owned(),
            artifact("std", "/b/x86_64-pc-cygwin/debug/deps/libstd-1.rmeta"),
            artifact("core", "/b/x86_64-unknown-haiku/debug/deps/libcore-1.rmeta"),
            "error: could not compile `std`".to_owned(),
        ];
        let targets = ["x86_64-unknown-haiku", "x86_64-pc-cygwin", "x86_64-pc"];
        assert_eq!(made_for(&log.join("\n"), "std", &targets), ["x86_64-pc-cygwin"]);
    }
}
