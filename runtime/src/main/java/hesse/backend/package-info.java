/** The contract between plans and the machines that execute them; backends are found through the service loader. */
@NullMarked
package hesse.backend;

import org.jspecify.annotations.NullMarked;
