/**
 * Configuration as its readers see it: a tree of values that know where they came from, and typed, checked access that names key, file
 * and line in every complaint and remembers what was read.
 */
@NullMarked
package hesse.config;

import org.jspecify.annotations.NullMarked;
