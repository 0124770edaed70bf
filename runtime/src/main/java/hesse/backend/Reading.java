package hesse.backend;

/** Numbers on their way from a backend's memory. */
@FunctionalInterface
public interface Reading {
    /** The numbers, which are waited for if they are not there yet; the same array each time. */
    double[] values();
}
