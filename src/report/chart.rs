//! Numbers as a line of small bars, for terminals.

/// The bars, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar for each value, from zero (or from the lowest value, if all are far from zero) to the highest;
/// a value that is not known is a space. `None` if no two values are known: there is nothing to compare.
pub fn bars(values: &[Option<f64>]) -> Option<String> {
    let known: Vec<f64> = values.iter().flatten().copied().filter(|it| it.is_finite()).collect();
    if known.len() < 2 {
        return None;
    }
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in &known {
        low = low.min(*value);
        high = high.max(*value);
    }
    // Where all values lie close together, bars from zero would all be the same.
    let from = if low > 0.0 && high - low < high / 2.0 { low - (high - low) / 4.0 } else { low.min(0.0) };
    let bar = |value: &Option<f64>| value.map_or(' ', |value| bar(value, from, high));
    Some(values.iter().map(bar).collect())
}

fn bar(value: f64, from: f64, to: f64) -> char {
    let share = if to > from { (value - from) / (to - from) } else { 0.5 };
    let highest = BARS.len() - 1;
    // Eight steps: the first that the share does not exceed.
    let step = (0..highest).find(|step| share * 8.0 <= f64::from(u8::try_from(step + 1).unwrap_or(8)));
    BARS[step.unwrap_or(highest)]
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn bars_show_the_shape() {
        let some = |values: &[f64]| values.iter().map(|it| Some(*it)).collect::<Vec<_>>();
        assert_eq!(bars(&some(&[0.0, 50.0, 100.0])).as_deref(), Some("▁▄█"));
        assert_eq!(bars(&some(&[100.0, 100.0])).as_deref(), Some("▄▄"));
        assert_eq!(bars(&some(&[100.0, 101.0, 99.0])).as_deref(), Some("▅█▂"));
        assert_eq!(bars(&[Some(1.0), None, Some(3.0)]).as_deref(), Some("▃ █"));
    }

    #[test]
    fn one_value_is_no_chart() {
        assert_eq!(bars(&[Some(1.0), None]), None);
        assert_eq!(bars(&[]), None);
    }
}
