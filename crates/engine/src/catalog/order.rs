//! The order in which rows can be inserted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Table, TableName};

/// Orders tables, which come in the order of their names, so that a referenced table comes first. Also returns the sets
/// of tables that refer to each other in a circle.
///
/// Tables in a circle stay together. Among the sets whose referenced tables have all been placed, the one with the first
/// name is next, so the order depends on nothing but names and references.
pub(super) fn by_references(tables: Vec<Table>) -> (Vec<Table>, Vec<Vec<TableName>>) {
    let places: BTreeMap<_, _> = tables
        .iter()
        .enumerate()
        .map(|(place, table)| (&table.name, place))
        .collect();
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<_> = tables.iter().map(|_| graph.add_node(())).collect();
    for (place, table) in tables.iter().enumerate() {
        for target in table
            .references
            .iter()
            .filter_map(|reference| places.get(&reference.table))
        {
            graph.add_edge(nodes[place], nodes[*target], ());
        }
    }
    let components = components(&graph);
    let cycles = components.iter().filter(|component| component.len() > 1);
    let cycles = cycles
        .map(|component| component.iter().map(|place| tables[*place].name.clone()).collect())
        .collect();
    let mut tables: Vec<_> = tables.into_iter().map(Some).collect();
    let ordered = order_of(&graph, &components)
        .into_iter()
        .flat_map(|component| &components[component])
        .filter_map(|place| tables[*place].take())
        .collect();
    (ordered, cycles)
}

/// The strongly connected components, each with its places in ascending order, in the order of their first places.
fn components(graph: &DiGraph<(), ()>) -> Vec<Vec<usize>> {
    let mut components: Vec<Vec<usize>> = tarjan_scc(graph)
        .into_iter()
        .map(|nodes| {
            let mut places: Vec<_> = nodes.into_iter().map(NodeIndex::index).collect();
            places.sort_unstable();
            places
        })
        .collect();
    components.sort_unstable();
    components
}

/// The components in a topological order (Kahn), the one with the first name first where several are possible.
fn order_of(graph: &DiGraph<(), ()>, components: &[Vec<usize>]) -> Vec<usize> {
    let mut component_of = vec![0; graph.node_count()];
    for (component, places) in components.iter().enumerate() {
        for place in places {
            component_of[*place] = component;
        }
    }
    let mut missing = vec![0_usize; components.len()];
    let mut referring = vec![Vec::new(); components.len()];
    for edge in graph.raw_edges() {
        let (from, to) = (component_of[edge.source().index()], component_of[edge.target().index()]);
        if from != to {
            missing[from] += 1;
            referring[to].push(from);
        }
    }
    let mut ready: BinaryHeap<_> = (0..components.len())
        .filter(|component| missing[*component] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(components.len());
    while let Some(Reverse(component)) = ready.pop() {
        order.push(component);
        for from in &referring[component] {
            missing[*from] -= 1;
            if missing[*from] == 0 {
                ready.push(Reverse(*from));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::super::{Reference, Traits};
    use super::*;

    fn table(name: &str, referenced: &[&str]) -> Table {
        let references = referenced.iter().map(|target| Reference {
            columns: vec![0],
            table: TableName::new(*target),
            target_columns: vec!["id".to_owned()],
            on_delete: None,
            deferrable: false,
        });
        Table {
            name: TableName::new(name),
            columns: Vec::new(),
            key: None,
            uniques: Vec::new(),
            references: references.collect(),
            traits: Traits::default(),
            problems: Vec::new(),
        }
    }

    fn order(tables: Vec<Table>) -> (Vec<String>, Vec<Vec<String>>) {
        let names = |names: Vec<TableName>| names.iter().map(TableName::to_string).collect();
        let (tables, cycles) = by_references(tables);
        (
            names(tables.into_iter().map(|table| table.name).collect()),
            cycles.into_iter().map(names).collect(),
        )
    }

    #[test]
    fn referenced_tables_come_first_and_names_decide_otherwise() {
        let tables = vec![
            table("a", &["d"]),
            table("b", &[]),
            table("c", &["a", "gone"]),
            table("d", &[]),
        ];
        let (names, cycles) = order(tables);
        assert_eq!(names, ["b", "d", "a", "c"]);
        assert!(cycles.is_empty());
    }

    #[test]
    fn tables_of_a_cycle_stay_together() {
        // A reference to itself is no cycle.
        let tables = vec![
            table("a", &["z"]),
            table("b", &["m"]),
            table("m", &["b", "z"]),
            table("n", &["m", "n"]),
            table("z", &[]),
        ];
        let (names, cycles) = order(tables);
        assert_eq!(names, ["z", "a", "b", "m", "n"]);
        assert_eq!(cycles, [["b", "m"]]);
    }
}
