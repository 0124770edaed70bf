package hesse.data;

import java.util.Optional;

/**
 * A data set as its files have it.
 *
 * @param test empty where the files hold no test set
 * @param classes the number of classes in both parts, or outputs per example for float targets
 */
public record Dataset(String name, Examples train, Optional<Examples> test, int classes) {
    /** A set whose parts agree. */
    static Dataset of(String name, Examples train, Optional<? extends Examples> test) {
        int classes = Math.max(
                train.spec().classes(), test.map(t -> t.spec().classes()).orElse(0));
        if (test.isPresent()) {
            var a = train.spec();
            var b = test.get().spec();
            if (a.kind() != b.kind()
                    || !a.input().equals(b.input())
                    || a.floatTargets() != b.floatTargets()
                    || !a.target().equals(b.target())) {
                throw DataException.misfit(
                        name,
                        "the training examples have inputs " + a.input() + " and targets " + a.target()
                                + ", the test examples " + b.input() + " and " + b.target(),
                        "Both parts need the same shapes");
            }
        }
        return new Dataset(name, train, test.map(t -> t), classes);
    }
}
