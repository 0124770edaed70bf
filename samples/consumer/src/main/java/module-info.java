/** A program that uses Hesse as a library. */
module sample {
    requires hesse.training;
}
