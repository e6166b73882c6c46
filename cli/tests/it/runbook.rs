//! The commands of docs/RUNBOOK.md.

/// The shell examples of the section with this heading, as they stand on the page.
pub(crate) fn commands(heading: &str) -> String {
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/RUNBOOK.md");
    let page = std::fs::read_to_string(PAGE).unwrap();
    let is_heading = |line: &&str| line.starts_with("## ") || line.starts_with("### ");
    let section = page
        .lines()
        .skip_while(|line| !is_heading(line) || line.trim_start_matches(['#', ' ']) != heading)
        .skip(1)
        .take_while(|line| !is_heading(line));
    let mut is_example = false;
    let mut commands = String::new();
    for line in section {
        if line.starts_with("```") {
            is_example = line == "```sh";
        } else if is_example {
            commands += line;
            commands += "\n";
        }
    }
    assert!(!commands.is_empty(), "`{heading}` has no command");
    commands
}
