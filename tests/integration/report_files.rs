//! `--report FORMAT=FILE` and GitHub's annotations: what CI systems read, parsed back.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use serde_json::{Value as Json, json};

use crate::project::{TestProject, project};

/// A good model, a model whose test fails, one that cannot be made, and one that is skipped.
const MIXED: &str = "
    //- models/good.sql
    select 1 as id
    //- models/bad.sql
    select null as id, '<b>|' as html
    //- models/broken.sql
    select nothing
    from {{ ref('good') }}
    //- models/after.sql
    select * from {{ ref('broken') }}
    //- models/all.yml
    models:
      - name: good
        columns:
          - name: id
            data_tests:
              - not_null
              - accepted_values: {arguments: {values: [2]}, config: {severity: warn}}
      - name: bad
        columns: [{name: id, data_tests: [not_null]}]
";

fn mixed() -> TestProject {
    project(MIXED)
}

/// `suite / case: how it ended: message` for every case of a file.
fn cases(report: &Report) -> Vec<String> {
    let ended = |case: &TestCase| match &case.status {
        TestCaseStatus::Success { .. } => "passed".to_owned(),
        TestCaseStatus::NonSuccess { kind, message, .. } => {
            let kind = if *kind == NonSuccessKind::Failure { "failure" } else { "error" };
            format!("{kind}: {}", message.as_ref().map_or("", |it| it.as_str()))
        }
        TestCaseStatus::Skipped { message, .. } => {
            format!("skipped: {}", message.as_ref().map_or("", |it| it.as_str()))
        }
    };
    let lines = |suite: &quick_junit::TestSuite| {
        let line =
            |case: &TestCase| format!("{} / {}: {}", suite.name.as_str(), case.name.as_str(), ended(case));
        suite.test_cases.iter().map(line).collect::<Vec<_>>()
    };
    report.test_suites.iter().flat_map(lines).collect()
}

fn junit(project: &TestProject, path: &str) -> Report {
    Report::deserialize_from_str(&project.read(path)).expect("it is JUnit's XML")
}

fn json_file(project: &TestProject, path: &str) -> Json {
    serde_json::from_str(&project.read(path)).expect("it is JSON")
}

#[test]
fn junit_has_a_suite_for_each_node() {
    let project = mixed();
    project.run("build --no-check --threads 1 --report junit=out/report.xml").exit(1);
    let report = junit(&project, "out/report.xml");
    let mut cases = cases(&report);
    cases.sort();
    assert_eq!(
        cases,
        [
            "model.shop.after / view main.after: skipped: broken failed",
            "model.shop.bad / not_null_bad_id: failure: models/all.yml:9: not_null on `bad.id`: 1 failure",
            "model.shop.bad / view main.bad: failure: 1 test failed: not published, nothing is published",
            "model.shop.broken / view main.broken: error: models/broken.sql:1: Referenced column \"nothing\" \
             not found in FROM clause!",
            "model.shop.good / accepted_values_good_id__2: passed",
            "model.shop.good / not_null_good_id: passed",
            "model.shop.good / view main.good: passed",
        ]
    );
    assert_eq!((report.tests, report.failures, report.errors), (7, 2, 1));
    let bad = report.test_suites.iter().flat_map(|it| &it.test_cases);
    let bad = bad.clone().find(|it| it.name.as_str() == "not_null_bad_id").expect("the case");
    let TestCaseStatus::NonSuccess { description: Some(description), .. } = &bad.status else {
        panic!("{:?}", bad.status)
    };
    assert!(description.as_str().contains("<b>|"), "the rows are shown: {}", description.as_str());
}

#[test]
fn a_project_that_cannot_be_read_is_a_failure_in_every_format() {
    let project = project(
        "
        //- models/a.sql
        select * from {{ ref('nowhere') }}
        ",
    );
    project
        .run("build --report junit=j.xml --report sarif=s.json --report markdown=m.md --report json=r.json")
        .exit(2);
    let [case] = &cases(&junit(&project, "j.xml"))[..] else { panic!("one case") };
    assert!(case.contains("error: models/a.sql:1: "), "{case}");
    let sarif = json_file(&project, "s.json");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["level"], "error");
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"],
        json!({"uri": "models/a.sql", "uriBaseId": "%SRCROOT%"})
    );
    let markdown = project.read("m.md");
    assert!(markdown.starts_with("## ❌ tidemill build stopped: 1 error\n"), "{markdown}");
    assert_eq!(json_file(&project, "r.json")["status"], "error");
}

#[test]
fn sarif_names_a_rule_for_each_result() {
    let project = mixed();
    project.run("build --no-check --threads 1 --report sarif=s.json").exit(1);
    let sarif = json_file(&project, "s.json");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().expect("results");
    let found: Vec<String> = results
        .iter()
        .map(|it| {
            let rule = usize::try_from(it["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], it["ruleId"]);
            let place = &it["locations"][0]["physicalLocation"];
            format!(
                "{} {} {}:{}:{}",
                it["level"].as_str().expect("a level"),
                it["ruleId"].as_str().expect("a rule"),
                place["artifactLocation"]["uri"].as_str().expect("a path"),
                place["region"]["startLine"],
                place["region"]["startColumn"],
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "error test-failed models/all.yml:9:39",
            "error sql-error models/broken.sql:1:8",
            "warning test-warned models/all.yml:7:13",
        ]
    );
}

#[test]
fn fingerprints_survive_a_shift_of_lines() {
    let project = mixed();
    project.run("build --threads 1 --report gitlab=1.json").exit(1);
    let moved = project.read("models/all.yml").replace("models:", "# a comment\n\nmodels:");
    project.write("models/all.yml", moved);
    project.run("build --threads 1 --report gitlab=2.json").exit(1);
    let marks = |path: &str| {
        let mut marks: Vec<(String, String)> = json_file(&project, path)
            .as_array()
            .expect("an array")
            .iter()
            .map(|it| (it["check_name"].to_string(), it["fingerprint"].to_string()))
            .collect();
        marks.sort();
        marks
    };
    assert_eq!(marks("1.json"), marks("2.json"));
    let first = json_file(&project, "1.json")[0].clone();
    let mut keys: Vec<&String> = first.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["check_name", "description", "fingerprint", "location", "severity"]);
}

#[test]
fn markdown_shows_failures_and_nodes() {
    let project = mixed();
    project.run("build --no-check --threads 1 --report markdown=out.md").exit(1);
    let markdown = project.read("out.md");
    assert!(markdown.starts_with("## ❌ tidemill build failed in "), "{markdown}");
    for part in [
        "1 model published; 1 test passed, 1 warned, 1 failed\n",
        "- not\\_null on \\`bad.id\\`: 1 failure — `models/all.yml:9`\n",
        "- view main.after (broken failed)\n",
        "| ❌ | view main.bad |  | 1 | ",
        "| ✅ | view main.good |  | 1 | ",
    ] {
        assert!(markdown.contains(part), "{part} is not in\n{markdown}");
    }
}

#[test]
fn markup_in_names_stays_text() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- tests/odd.sql
        {{ config(alias='x') }} select '<script>alert(1)</script>' as t from {{ ref('a') }}
        ",
    );
    project.run("build --report markdown=out.md").exit(1);
    let markdown = project.read("out.md");
    let outside: String = markdown.split("```").step_by(2).collect();
    assert!(!outside.contains("<script>"), "{markdown}");
}

#[test]
fn json_has_the_fields_of_the_events() {
    let project = mixed();
    project.run("build --no-check --threads 1 --report json=r.json").exit(1);
    let report = json_file(&project, "r.json");
    assert_eq!(report["status"], "failure");
    assert_eq!(report["command"], "build");
    assert_eq!(report["run"]["target"], "dev");
    let statuses: Vec<String> = report["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|it| {
            format!("{} {}", it["node"].as_str().expect("an id"), it["status"].as_str().expect("a word"))
        })
        .collect();
    assert_eq!(
        statuses,
        [
            "model.shop.good success",
            "model.shop.broken error",
            "model.shop.bad rolled_back",
            "model.shop.after skipped"
        ]
    );
    assert_eq!(
        report["totals"]["tests"],
        json!({"passed": 1, "warned": 1, "failed": 1, "errors": 0, "skipped": 0})
    );
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let project = mixed().env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "summary.md");
    project.write("summary.md", "before\n");
    project
        .run("build --no-check --threads 1")
        .exit(1)
        .stdout_has(
            "::error file=models/all.yml,line=9,endLine=9,col=39,endColumn=47,\
             title=tidemill%3A test-failed::not_null on `bad.id`: 1 failure\n",
        )
        .stdout_has("::warning file=models/all.yml,line=7,");
    let summary = project.read("summary.md");
    assert!(summary.starts_with("before\n## ❌ tidemill build failed"), "{summary}");
}

#[test]
fn paths_of_annotations_begin_in_the_repository() {
    let project = project(
        "
        //- warehouse/project.yml
        name: shop
        //- warehouse/models/a.sql
        select nothing
        ",
    );
    let root = project.dir().display().to_string();
    let project = project.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", &root);
    project
        .run("build --project-dir warehouse")
        .exit(1)
        .stdout_has("::error file=warehouse/models/a.sql,line=1,endLine=1,col=8,");
    // Where they are not wanted, or where programs read standard output, there are none.
    for arguments in ["--no-annotations", "--log-format json"] {
        let outcome = project.run(&format!("build --project-dir warehouse {arguments}"));
        assert!(!outcome.stdout.contains("::error"), "{}", outcome.stdout);
    }
}

#[test]
fn secrets_are_in_no_report() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- tests/t.sql
        select 'hush-hush' as found from {{ ref('a') }}
        ",
    )
    .env("API_SECRET", "hush-hush");
    let formats = ["junit", "json", "markdown", "sarif", "gitlab"];
    let reports: String = formats.map(|it| format!(" --report {it}=out.{it}")).concat();
    project.run(&format!("build{reports}")).exit(1);
    for format in formats {
        let text = project.read(&format!("out.{format}"));
        assert!(!text.contains("hush-hush"), "{text}");
    }
}

#[test]
fn an_unknown_format_is_refused() {
    let project = mixed();
    project
        .run("build --report junt=x.xml")
        .exit(2)
        .stderr_has("there is no report format `junt` (did you mean `junit`?)");
    project
        .run("build --report junit")
        .exit(2)
        .stderr_has("`junit` is no FORMAT=FILE such as `junit=report.xml`");
    project.run("build --report junit=").exit(2).stderr_has("the file is missing: `junit=FILE`");
}

#[test]
fn a_report_that_cannot_be_written_is_a_fault_of_a_good_build() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- occupied
        a file
        ",
    );
    project
        .run("build --report junit=occupied/report.xml")
        .exit(2)
        .stderr_has("error[unwritable-file]: cannot create the folder `occupied`");
}
