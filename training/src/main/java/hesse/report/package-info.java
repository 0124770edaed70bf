/** Reports on runs: one HTML file with tables and interactive figures that needs no network. */
@NullMarked
package hesse.report;

import org.jspecify.annotations.NullMarked;
