/** Layers and networks, as functions on graph nodes. */
module hesse.models {
    requires transitive hesse.runtime;
    requires static transitive org.jspecify;
    requires org.snakeyaml.engine;

    exports hesse.config;
    exports hesse.models;
    exports hesse.nn;
}
