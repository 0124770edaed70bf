/** Native libraries: found, loaded, or said why not; and their functions as jextract wrote them. */
module hesse.bindings {
    requires static transitive org.jspecify;
}
