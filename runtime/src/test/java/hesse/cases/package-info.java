/** What tests share: the table of op cases, small nets, finite differences, and measures of error. */
package hesse.cases;
