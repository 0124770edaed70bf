/** The table of op cases and of small nets by which every backend is held to the interpreter of graphs, in tests and on users' machines. */
@NullMarked
package hesse.cases;

import org.jspecify.annotations.NullMarked;
