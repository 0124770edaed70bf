/* Shared by the fake libraries: every call is written down, can be told to fail, and what it makes is counted. */
#ifndef HESSE_FAKE_H
#define HESSE_FAKE_H

#include <stddef.h>

enum fake_kind {
    CONTEXT = 1, STREAM, EVENT, MODULE, FUNCTION, GRAPH, EXEC, DEVICE_MEMORY, HOST_MEMORY,
    CUBLAS, MATMUL, LAYOUT, PREFERENCE, CUDNN, TENSOR, FILTER, CONVOLUTION, PROGRAM, COMMUNICATOR
};

void fake_log(const char *format, ...);
int fake_status(const char *call);
void *fake_make(enum fake_kind kind);
int fake_drop(enum fake_kind kind, void *handle);
const char *fake_name(const void *handle);

/* Whether work is done and not only written down. */
extern int fake_computes;

/* Lets the clock of the events run for as long as the test said that an algorithm takes. */
void fake_take(int algorithm);

/* Does a piece of work now, or records it while a stream is being captured; its data are copied. */
void fake_enqueue(void (*run)(void *), const void *data, size_t bytes);

/* Writes the call down; returns the status that the test asked for, if it did. */
#define CALL(name, ...)                   \
    do {                                  \
        fake_log(#name "(" __VA_ARGS__);  \
        int status_ = fake_status(#name); \
        if (status_) return status_;      \
    } while (0)

#endif
