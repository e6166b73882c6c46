//! docs/RUNBOOK.md has an entry for each error name and each status. Its alarms are compared with
//! the template in `infra/tests`.

use pipeline::ErrorName;
use trips::status::BlockStatus;

use super::page::page;

#[test]
fn each_error_name_and_each_status_has_its_entry_in_the_runbook() {
    let page = page("RUNBOOK.md");
    let errors = page["Error names"].table("error").names_by_row("error");
    let errors: Vec<_> = errors.into_iter().flatten().collect();
    assert_eq!(errors, ErrorName::ALL.map(|name| name.to_string()));
    let statuses = page["Statuses"].table("status").cells("status");
    let code = BlockStatus::ALL.map(|status| status.code().to_string());
    assert_eq!(statuses, code);
}
