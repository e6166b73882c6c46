use super::*;

fn found(provider: Option<&str>, missing: u64, extra: u64, is_mended: bool) -> PortalDifferences {
    let provider: Option<ProviderName> = provider.map(|name| name.parse().unwrap());
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let last = LastAudit {
        audited_at: time("2020-02-02T09:40:00Z"),
        time_min: time("2020-01-01T06:00:00Z"),
        time_max: time("2020-02-01T06:00:00Z"),
        run_id: is_mended.then(|| Uuid::from_u128(7)),
        finding: AuditFinding {
            provider: provider.clone(),
            missing,
            extra,
            ..AuditFinding::default()
        },
    };
    PortalDifferences::new(&CivilZone::default(), provider.as_ref(), &last)
}

#[test]
fn rows_that_only_the_portal_has_are_deleted_and_not_published_again() {
    for is_mended in [false, true] {
        let found = found(None, 0, 251, is_mended);
        assert!(!found.advice.contains("publishes them"), "{}", found.advice);
        assert!(found.advice.contains("delete"), "{}", found.advice);
        assert!(!found.needs_a_person);
    }
    let advice = found(None, 0, 251, false).advice;
    for part in ["look at them first", "keeps them elsewhere"] {
        assert!(advice.contains(part), "{advice}");
    }
    let command =
        "mds audit --provider all --time-min 2020-01-01-00 --time-max 2020-02-01-00 --repair";
    assert_eq!(found(None, 0, 251, false).command, command);
}

#[test]
fn rows_that_the_portal_lacks_are_published_again_by_an_audit_that_somebody_has_scheduled() {
    let advice = found(Some("bird"), 3, 0, false).advice;
    for part in ["publishes them again", "if it is scheduled"] {
        assert!(advice.contains(part), "{advice}");
    }
    let planned = found(Some("bird"), 3, 0, true).advice;
    assert!(planned.contains("was planned to publish"), "{planned}");
}
