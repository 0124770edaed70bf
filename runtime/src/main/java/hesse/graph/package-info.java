/**
 * The graph: hash-consed nodes, one record per primitive op with its shape rule and its two derivative rules, and the
 * normal forms that make equal things the same node.
 */
@NullMarked
package hesse.graph;

import org.jspecify.annotations.NullMarked;
