package hesse.graph;

/** Ops that carry numbers of their own: a scalar function applied to each element. */
public sealed interface Elementwise extends Op permits Apply, ReduceMax {}
