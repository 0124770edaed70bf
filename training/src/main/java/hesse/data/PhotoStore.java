package hesse.data;

import java.io.IOException;
import java.util.List;

/** Image files with a class each, where they lie. Any number of threads may read. */
interface PhotoStore {
    /** No image file is larger; what claims to be is not read. */
    int MOST_BYTES = 1 << 28;

    int size();

    /** The file of an image. */
    byte[] read(int index) throws IOException;

    /** File and place in it, for messages. */
    String name(int index);

    int label(int index);

    /** Names of the classes, in the order of their numbers; empty where they have none. */
    List<String> classNames();

    /** The number above all labels. */
    int classes();
}
