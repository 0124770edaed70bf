package hesse.cli;

import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON on standard output: maps, lists, numbers, texts. */
public final class Json {
    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private Json() {}

    /** Maps, lists, numbers and texts as indented JSON. */
    public static String print(Object value) {
        return MAPPER.writeValueAsString(value);
    }
}
