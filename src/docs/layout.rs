//! Where nodes stand in the picture of the whole project: layers from left to right, rows from top to bottom.
//!
//! Sugiyama's method in its plain form: layers by longest path, dummy nodes where an edge passes a layer,
//! sweeps that order each layer by the mean of its neighbours while crossings get fewer, and rows as near to
//! their neighbours as the order allows. The crates for it were tried with 5,000 nodes and 10,000 edges:
//! `rust-sugiyama` 0.4 took more than two minutes, this takes well under a second, since long edges of one
//! node share their dummies. Deliberately absent: pixels, and neighbourhoods (`assets/placing.js`).

use std::collections::BTreeMap;

/// How often each layer is ordered; more brings little.
const ORDER_SWEEPS: usize = 16;
const ROW_SWEEPS: usize = 10;

/// A node's place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// From 0 at the left.
    pub(super) layer: u32,
    /// From 0 at the top; a node is one row high.
    pub(super) row: f64,
}

/// Places `n` nodes with edges from left to right. Edges that would close a circle must not be there.
pub(super) fn layered(n: usize, edges: &[(usize, usize)]) -> Vec<Place> {
    let mut places = vec![Place::default(); n];
    let mut top = 0.0;
    let mut alone = Vec::new();
    for part in components(n, edges) {
        if let [node] = part.nodes[..] {
            alone.push(node);
            continue;
        }
        top += place_component(&part, top, &mut places) + 1.0;
    }
    place_alone(&alone, top, &mut places);
    places
}

/// Nodes that nothing connects, in a block that is about as wide as the rest.
fn place_alone(alone: &[usize], top: f64, places: &mut [Place]) {
    let widest = places.iter().map(|it| it.layer as usize + 1).max().unwrap_or(1);
    let width = widest.max(alone.len().isqrt() / 2).max(1);
    let (mut row, mut layer) = (top, 0);
    for node in alone {
        places[*node] = Place { layer, row };
        layer += 1;
        if layer as usize == width {
            layer = 0;
            row += 1.0;
        }
    }
}

/// Nodes that are connected, with their edges by position in `nodes`.
struct Component {
    nodes: Vec<usize>,
    edges: Vec<(usize, usize)>,
}

/// Largest first.
fn components(n: usize, edges: &[(usize, usize)]) -> Vec<Component> {
    let mut roots: Vec<usize> = (0..n).collect();
    for (from, to) in edges {
        let (a, b) = (root(&mut roots, *from), root(&mut roots, *to));
        roots[a.max(b)] = a.min(b);
    }
    let mut by_root: BTreeMap<usize, Component> = BTreeMap::new();
    let mut position = vec![0; n];
    for (node, place) in position.iter_mut().enumerate() {
        let of = by_root.entry(root(&mut roots, node));
        let part = of.or_insert_with(|| Component { nodes: Vec::new(), edges: Vec::new() });
        *place = part.nodes.len();
        part.nodes.push(node);
    }
    for (from, to) in edges {
        if let Some(part) = by_root.get_mut(&root(&mut roots, *from)) {
            part.edges.push((position[*from], position[*to]));
        }
    }
    let mut parts: Vec<Component> = by_root.into_values().collect();
    parts.sort_by_key(|it| (std::cmp::Reverse(it.nodes.len()), it.nodes[0]));
    parts
}

fn root(roots: &mut [usize], node: usize) -> usize {
    let mut at = node;
    while roots[at] != at {
        roots[at] = roots[roots[at]];
        at = roots[at];
    }
    at
}

/// Places a component below `top` and tells its height.
fn place_component(part: &Component, top: f64, places: &mut [Place]) -> f64 {
    let layers = layers(part);
    let mut grid = Grid::new(part, &layers);
    grid.order();
    let rows = grid.rows();
    let n = part.nodes.len();
    let highest = rows[..n].iter().copied().fold(f64::INFINITY, f64::min);
    let lowest = rows[..n].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for (at, node) in part.nodes.iter().enumerate() {
        let layer = u32::try_from(layers[at]).unwrap_or(u32::MAX);
        places[*node] = Place { layer, row: top + rows[at] - highest };
    }
    lowest - highest + 1.0
}

/// The longest path to each node; what nothing leads to stands just before what it leads to.
fn layers(part: &Component) -> Vec<usize> {
    let n = part.nodes.len();
    let (mut children, mut waiting) = (vec![Vec::new(); n], vec![0_usize; n]);
    for (from, to) in &part.edges {
        children[*from].push(*to);
        waiting[*to] += 1;
    }
    let is_first: Vec<bool> = waiting.iter().map(|it| *it == 0).collect();
    let mut ready: Vec<usize> = (0..n).filter(|it| is_first[*it]).collect();
    let mut layers = vec![0_usize; n];
    while let Some(node) = ready.pop() {
        for child in &children[node] {
            layers[*child] = layers[*child].max(layers[node] + 1);
            waiting[*child] -= 1;
            if waiting[*child] == 0 {
                ready.push(*child);
            }
        }
    }
    for node in (0..n).filter(|it| is_first[*it]) {
        let next = children[node].iter().map(|it| layers[*it]).min();
        layers[node] = next.map_or(0, |it| it.saturating_sub(1));
    }
    layers
}

/// Layers of nodes and dummies, and the edges between neighbouring layers. The nodes come first.
struct Grid {
    /// Cells of each layer, in their order.
    layers: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// Where each cell stands in its layer.
    position: Vec<usize>,
    n_nodes: usize,
}

impl Grid {
    fn new(part: &Component, of: &[usize]) -> Self {
        let n_nodes = of.len();
        let n_layers = of.iter().max().map_or(0, |it| it + 1);
        let mut layer_of = of.to_vec();
        let mut pairs = Vec::new();
        // One chain of dummies a node, as long as its longest edge: edges leave it where they must.
        let mut chains: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, to) in &part.edges {
            let chain = chains.entry(*from).or_insert_with(|| vec![*from]);
            while chain.len() < of[*to] - of[*from] {
                let (last, dummy) = (chain[chain.len() - 1], layer_of.len());
                layer_of.push(of[*from] + chain.len());
                pairs.push((last, dummy));
                chain.push(dummy);
            }
            pairs.push((chain[of[*to] - of[*from] - 1], *to));
        }
        let n = layer_of.len();
        let mut grid = Self {
            layers: vec![Vec::new(); n_layers],
            before: vec![Vec::new(); n],
            after: vec![Vec::new(); n],
            position: vec![0; n],
            n_nodes,
        };
        for (from, to) in pairs {
            grid.after[from].push(to);
            grid.before[to].push(from);
        }
        grid.fill(&layer_of);
        grid
    }

    /// First order: as cells are met when following the edges, so that what belongs together is together.
    fn fill(&mut self, layer_of: &[usize]) {
        let mut is_met = vec![false; layer_of.len()];
        for start in 0..layer_of.len() {
            let mut stack = vec![start];
            while let Some(cell) = stack.pop() {
                if std::mem::replace(&mut is_met[cell], true) {
                    continue;
                }
                self.layers[layer_of[cell]].push(cell);
                stack.extend(self.after[cell].iter().rev().chain(self.before[cell].iter().rev()));
            }
        }
        self.number();
    }

    fn number(&mut self) {
        for layer in &self.layers {
            for (position, cell) in layer.iter().enumerate() {
                self.position[*cell] = position;
            }
        }
    }

    /// Orders layers by the means of their neighbours, forth and back, and keeps the order with the fewest
    /// crossings.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        for sweep in 0..ORDER_SWEEPS {
            let n = self.layers.len();
            for step in 1..n {
                let (at, sides) =
                    if sweep % 2 == 0 { (step, &self.before) } else { (n - 1 - step, &self.after) };
                let mut layer = std::mem::take(&mut self.layers[at]);
                let mut keyed: Vec<(f64, usize)> = layer
                    .iter()
                    .map(|cell| {
                        let own = as_f64(self.position[*cell]);
                        (mean(sides[*cell].iter().map(|it| as_f64(self.position[*it]))).unwrap_or(own), *cell)
                    })
                    .collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                layer.clear();
                layer.extend(keyed.into_iter().map(|(_, cell)| cell));
                for (position, cell) in layer.iter().enumerate() {
                    self.position[*cell] = position;
                }
                self.layers[at] = layer;
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
            if best.0 == 0 {
                break;
            }
        }
        self.layers = best.1;
        self.number();
    }

    /// Pairs of edges that cross, counted with a tree of partial sums.
    fn crossings(&self) -> u64 {
        let mut crossings = 0;
        for (at, layer) in self.layers.iter().enumerate() {
            let width = self.layers.get(at + 1).map_or(0, Vec::len);
            let mut sums = vec![0_u64; width + 1];
            let mut n_seen = 0;
            for cell in layer {
                let mut ends: Vec<usize> = self.after[*cell].iter().map(|it| self.position[*it]).collect();
                ends.sort_unstable();
                for end in &ends {
                    crossings += n_seen - prefix(&sums, end + 1);
                }
                for end in &ends {
                    add(&mut sums, end + 1);
                    n_seen += 1;
                }
            }
        }
        crossings
    }

    /// A row for each cell: as near to the mean of its neighbours as order and height allow.
    fn rows(&self) -> Vec<f64> {
        let mut rows: Vec<f64> = self.position.iter().map(|it| as_f64(*it)).collect();
        for sweep in 0..ROW_SWEEPS {
            let n = self.layers.len();
            for step in 0..n {
                let at = if sweep % 2 == 0 { step } else { n - 1 - step };
                let layer = &self.layers[at];
                let wanted: Vec<f64> = layer
                    .iter()
                    .map(|cell| {
                        let sides = self.before[*cell].iter().chain(&self.after[*cell]);
                        mean(sides.map(|it| rows[*it])).unwrap_or(rows[*cell])
                    })
                    .collect();
                let heights: Vec<f64> =
                    layer.iter().map(|cell| if *cell < self.n_nodes { 1.0 } else { 0.4 }).collect();
                for (cell, row) in layer.iter().zip(apart(&wanted, &heights)) {
                    rows[*cell] = row;
                }
            }
        }
        rows
    }
}

/// The rows nearest to those wanted that keep the order and do not overlap: the least sum of squares, found
/// by pooling neighbours that are too near.
fn apart(wanted: &[f64], heights: &[f64]) -> Vec<f64> {
    // Without the heights before each, rows only have to be in order.
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut below = 0.0;
    for (at, height) in heights.iter().enumerate() {
        if at > 0 {
            below += f64::midpoint(heights[at - 1], *height);
        }
        offsets.push(below);
    }
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (row, offset) in wanted.iter().zip(&offsets) {
        let mut pool = (row - offset, 1);
        while let Some(last) = pools.pop_if(|it| it.0 / as_f64(it.1) >= pool.0 / as_f64(pool.1)) {
            pool = (pool.0 + last.0, pool.1 + last.1);
        }
        pools.push(pool);
    }
    let rows = pools.into_iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / as_f64(count), count));
    rows.zip(offsets).map(|(row, offset)| row + offset).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / as_f64(count))
}

#[expect(clippy::cast_precision_loss, reason = "positions in a picture are small numbers")]
fn as_f64(number: usize) -> f64 {
    number as f64
}

fn prefix(sums: &[u64], mut at: usize) -> u64 {
    let mut sum = 0;
    while at > 0 {
        sum += sums[at];
        at &= at - 1;
    }
    sum
}

fn add(sums: &mut [u64], mut at: usize) {
    while at < sums.len() {
        sums[at] += 1;
        at += at & at.wrapping_neg();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_pairs(places: &[Place]) -> Vec<(u32, f64)> {
        places.iter().map(|it| (it.layer, it.row)).collect()
    }

    #[test]
    fn a_chain_is_one_row() {
        assert_eq!(as_pairs(&layered(3, &[(0, 1), (1, 2)])), [(0, 0.0), (1, 0.0), (2, 0.0)]);
    }

    #[test]
    fn a_source_stands_just_before_its_first_reader() {
        let places = layered(4, &[(0, 1), (1, 2), (3, 2)]);
        assert_eq!(places[3].layer, 1);
    }

    #[test]
    fn crossings_that_can_be_avoided_are_avoided() {
        // Two pairs whose lines cross if the layers are in the order of ids.
        let places = layered(6, &[(0, 3), (1, 2), (0, 4), (1, 5), (2, 5), (3, 4)]);
        let is_above = |a: usize, b: usize| places[a].row < places[b].row;
        assert_eq!(is_above(0, 1), is_above(3, 2));
    }

    #[test]
    fn nodes_of_a_layer_never_overlap_and_the_same_input_gives_the_same_picture() {
        let mut seed = 7_u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        let n = 600;
        let edges: Vec<(usize, usize)> =
            (1..n).flat_map(|to| [to, to]).map(|to| (to - 1 - next(to.min(40)), to)).collect();
        let places = layered(n, &edges);
        assert!(edges.iter().all(|(from, to)| places[*from].layer < places[*to].layer));
        let mut cells: Vec<(u32, f64)> = as_pairs(&places);
        cells.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        assert!(cells.windows(2).all(|it| it[0].0 != it[1].0 || it[1].1 - it[0].1 > 0.999));
        assert_eq!(places, layered(n, &edges));
    }

    #[test]
    fn nodes_without_edges_are_a_block() {
        let rows = as_pairs(&layered(16, &[]));
        assert_eq!(rows[..3], [(0, 0.0), (1, 0.0), (0, 1.0)]);
    }
}
