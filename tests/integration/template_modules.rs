//! `modules`: dates, time zones, patterns and iterators as Python has them.

use crate::template_world::{check, check_error};

#[test]
fn dates_and_times_are_pythons() {
    let at = "{% set d = modules.datetime.datetime(2024, 2, 29, 13, 5) %}";
    check(
        &format!(
            "{at}{{{{ d }}}} {{{{ d.isoformat() }}}} {{{{ d.date() }}}} {{{{ d.time() }}}} {{{{ d.strftime('%Y%m%d %H:%M:%S.%f') }}}}"
        ),
        "2024-02-29 13:05:00 2024-02-29T13:05:00 2024-02-29 13:05:00 20240229 13:05:00.000000",
    );
    check(
        &format!(
            "{at}{{{{ d.replace(year=2025, day=1, hour=0) }}}} {{{{ d.weekday() }}}} {{{{ d.isoweekday() }}}} {{{{ d.isocalendar() }}}} {{{{ d.toordinal() }}}}"
        ),
        "2025-02-01 00:05:00 3 4 (2024, 9, 4) 738945",
    );
    check(
        "{{ modules.datetime.datetime.strptime('31/12/2023 23:59', '%d/%m/%Y %H:%M') }} {{ modules.datetime.datetime.strptime('2023', '%Y').date() }} {{ modules.datetime.date.fromisoformat('2024-01-02').day }}",
        "2023-12-31 23:59:00 2023-01-01 2",
    );
    check(
        "{{ modules.datetime.datetime.now() }} {{ modules.datetime.date.today() }} {{ modules.datetime.datetime.utcnow().year }} {{ run_started_at.date() }}",
        "2024-03-01 10:20:30 2024-03-01 2024 2024-03-01",
    );
    check(
        "{{ modules.datetime.timedelta(days=1, hours=2) }} {{ modules.datetime.timedelta(minutes=90).total_seconds() }} {{ modules.datetime.timedelta(weeks=2).days }} {{ modules.datetime.timedelta(seconds=-1) }}",
        "1 day, 2:00:00 5400.0 14 -1 day, 23:59:59",
    );
    check(
        "{{ modules.datetime.date(2024, 1, 1) < modules.datetime.date(2024, 1, 2) }} {{ modules.datetime.datetime(2024, 1, 1) == modules.datetime.datetime(2024, 1, 1) }} {{ modules.datetime.datetime.combine(modules.datetime.date(2024, 1, 1), modules.datetime.time(1, 2)) }}",
        "True True 2024-01-01 01:02:00",
    );
    check(
        "{{ modules.datetime.datetime.fromtimestamp(86400) }} {{ modules.datetime.datetime(1970, 1, 2).timestamp() }} {{ modules.datetime.datetime.fromisoformat('2024-01-01T10:00:00+02:00') }}",
        "1970-01-02 00:00:00 86400.0 2024-01-01 10:00:00+02:00",
    );
    check_error(
        "",
        "{{ modules.datetime.date(2023, 2, 29) }}",
        &["template-call: there is no day 29 of month 2 in the year 2023", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ modules.datetime.datetime.strptime('x', '%Y') }}",
        &["template-call: `x` is not a time of the format `%Y`", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ modules.datetime.timedelta(days='1') }}",
        &["template-call: `timedelta()` needs a number for `days`, not a text", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ modules.datetime.datetime.nowish() }}",
        &["template-call: `datetime` has no `nowish`", "model.sql:1:4"],
    );
}

#[test]
fn dates_can_be_calculated_with() {
    check(
        "{{ (modules.datetime.date(2024, 3, 1) - modules.datetime.timedelta(days=1)) }} {{ (modules.datetime.date(2024, 3, 1) - modules.datetime.date(2024, 2, 1)).days }}",
        "2024-02-29 29",
    );
    check(
        "{{ run_started_at + modules.datetime.timedelta(hours=14) }} {{ (run_started_at - modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d') }}",
        "2024-03-02 00:20:30+00:00 2024-02-29",
    );
    check(
        "{{ modules.datetime.timedelta(days=1) + modules.datetime.timedelta(hours=1) }} {{ modules.datetime.timedelta(hours=1) + modules.datetime.date(2024, 1, 1) }}",
        "1 day, 1:00:00 2024-01-01",
    );
    check_error(
        "",
        "{{ run_started_at - modules.datetime.datetime(2024, 1, 1) }}",
        &["template-call: a datetime with a time zone and one without cannot be subtracted", "model.sql:1:4"],
    );
}

#[test]
fn time_zones_are_known() {
    check(
        "{% set est = modules.pytz.timezone('America/New_York') %}{{ est.localize(modules.datetime.datetime(2002, 10, 27, 6, 0)) }} {{ run_started_at.astimezone(est) }} {{ est }}",
        "2002-10-27 06:00:00-05:00 2024-03-01 05:20:30-05:00 America/New_York",
    );
    check(
        "{{ modules.datetime.datetime.now(modules.pytz.utc) }} {{ modules.pytz.utc.localize(modules.datetime.datetime(2024, 1, 1)).isoformat() }} {{ modules.datetime.datetime(2024, 1, 1, tzinfo=modules.datetime.timezone.utc) }}",
        "2024-03-01 10:20:30+00:00 2024-01-01T00:00:00+00:00 2024-01-01 00:00:00+00:00",
    );
    check_error(
        "",
        "{{ modules.pytz.timezone('Europe/Pariss') }}",
        &["template-call: there is no time zone `Europe/Pariss`", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ modules.pytz.utc.localize(run_started_at) }}",
        &["template-call: `localize()` needs a datetime without a time zone", "model.sql:1:4"],
    );
}

#[test]
fn patterns_are_pythons() {
    check(
        "{% set m = modules.re.match('(\\\\w+)_(\\\\d+)', 'abc_12 x') %}{{ m.group(0) }} {{ m.group(1) }} {{ m.groups() }} {{ m.span(2) }} {{ m[2] }} {{ m.end() }}",
        "abc_12 abc ('abc', '12') (4, 6) 12 6",
    );
    check(
        "{{ modules.re.match('b', 'abc') is none }} {{ modules.re.search('b', 'abc').start() }} {{ modules.re.fullmatch('ab', 'abc') is none }} {{ modules.re.match('(?P<y>[0-9]{4})-(?P<m>..)', '2024-05').groupdict() }}",
        "True 1 True {'y': '2024', 'm': '05'}",
    );
    check(
        "{{ modules.re.findall('[a-z]', 'a1b2') }} {{ modules.re.findall('([a-z])([0-9])', 'a1b2') }} {{ modules.re.split('[,;] *', 'a, b;c') }} {{ modules.re.split('(-)', 'a-b-c', 1) }}",
        "['a', 'b'] [('a', '1'), ('b', '2')] ['a', 'b', 'c'] ['a', '-', 'b-c']",
    );
    check(
        "{{ modules.re.sub('([a-z]+)', '<\\\\1>', 'ab 1 cd') }} {{ modules.re.sub('(?P<n>b)', '[\\\\g<n>]', 'abcb', count=1) }} {{ modules.re.subn('a', '', 'banana') }}",
        "<ab> 1 <cd> a[b]cb ('bnn', 3)",
    );
    check(
        "{{ modules.re.sub('A', 'x', 'aA', flags=modules.re.IGNORECASE) }} {{ modules.re.search('a(?=b)', 'ab').group() }} {{ modules.re.escape('a.b*') }} {{ modules.re.compile('a+').sub('-', 'caat') }} {{ modules.re.compile('é').search('caé').span() }}",
        "xx a a\\.b\\* c-t (2, 3)",
    );
    check_error(
        "",
        "{{ modules.re.match('(', 'x') }}",
        &[
            "template-call: `(` is not a pattern that can be read: Parsing error at position 1: Opening parenthesis without closing parenthesis",
            "model.sql:1:4",
        ],
    );
    check_error(
        "",
        "{{ modules.re.matches('(', 'x') }}",
        &["template-call: `modules.re` has no `matches`", "model.sql:1:4", "did you mean `match`?"],
    );
    check_error(
        "",
        "{{ modules.re.match('a', 'a').group(3) }}",
        &["template-call: the pattern has no group 3", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ modules.re.sub('a', '\\\\4', 'a') }}",
        &["template-call: the pattern has no group 4", "model.sql:1:4"],
    );
}

#[test]
fn itertools_are_pythons() {
    check(
        "{{ modules.itertools.product([1, 2], 'ab') | list }} {{ modules.itertools.product([0, 1], repeat=2) | list | length }}",
        "[(1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')] 4",
    );
    check(
        "{{ modules.itertools.combinations([1, 2, 3], 2) | list }} {{ modules.itertools.permutations('ab') | list }} {{ modules.itertools.combinations_with_replacement([1, 2], 2) | list | length }}",
        "[(1, 2), (1, 3), (2, 3)] [('a', 'b'), ('b', 'a')] 3",
    );
    check(
        "{{ modules.itertools.chain([1], [2, 3]) | list }} {{ modules.itertools.chain.from_iterable([[1], [2]]) | list }} {{ modules.itertools.zip_longest([1, 2], [3], fillvalue='-') | list }}",
        "[1, 2, 3] [1, 2] [(1, 3), (2, '-')]",
    );
    check(
        "{{ modules.itertools.islice([1, 2, 3, 4], 1, 4, 2) | list }} {{ modules.itertools.islice(modules.itertools.count(5), 2) | list }} {{ modules.itertools.accumulate([1, 2, 3]) | list }} {{ modules.itertools.compress('abc', [1, 0, 1]) | list }}",
        "[2, 4] [5, 6] [1, 3, 6] ['a', 'c']",
    );
    check(
        "{{ modules.itertools.repeat('x', 2) | list }} {{ modules.itertools.tee([1]) | list }} {{ modules.itertools.cycle('ab')[3] }}",
        "['x', 'x'] [[1], [1]] b",
    );
    check_error(
        "",
        "{{ modules.itertools.products([1]) }}",
        &["template-call: `modules.itertools` has no `products`", "model.sql:1:4", "did you mean `product`?"],
    );
    check_error(
        "",
        "{{ modules.itertools.product(range(99999), range(99999)) }}",
        &["template-call: this has more than 10000000 results", "model.sql:1:4"],
    );
}
