/* akida_sim.h: models for the Akida neuromorphic processor on any host, for C and what can call it.
 *
 * A model is loaded from the bytes of an .fbz file and run; results are the same integers on every machine. Functions
 * that can fail give an akida_status; akida_error() then says why, for the calling thread.
 *
 * A model may be run from any number of threads at once, and must outlive their calls. Bytes may come from anywhere:
 * whatever they are, loading gives a valid model or an error.
 *
 * Link with libakida_capi.a (and -lpthread -ldl -lm on Linux), or with libakida_capi as a shared library.
 */
#ifndef AKIDA_SIM_H
#define AKIDA_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call gave. Later versions may add members. */
typedef enum akida_status {
    AKIDA_OK = 0,
    AKIDA_NULL = 1,     /* a pointer that must not be null is */
    AKIDA_FORMAT = 2,   /* the bytes are no model that this version reads */
    AKIDA_LENGTH = 3,   /* an array has another length than the shapes ask for */
    AKIDA_VALUE = 4,    /* an input value is beyond akida_input_bits */
    AKIDA_OUTPUT = 5,   /* akida_predict on a model whose last layer has an activation */
    AKIDA_MEMORY = 6    /* the memory does not suffice */
} akida_status;

/* Height, width, channels; arrays are in C order: channels run fastest. */
typedef struct akida_shape {
    size_t height;
    size_t width;
    size_t channels;
} akida_shape;

/* A model made ready to run on this host. */
typedef struct akida_model akida_model;

/* The version of this library, such as "0.1.0". */
const char *akida_version(void);

/* Why the last call of this thread failed, in one line; "" when none has. Valid until the next call of this thread. */
const char *akida_error(void);

/* Loads the model in the bytes of an .fbz file, which are not needed afterwards. *model is set on AKIDA_OK only. */
akida_status akida_load(const uint8_t *bytes, size_t length, akida_model **model);

/* Frees a model; null is allowed. */
void akida_free(akida_model *model);

/* The shape of one input; zeros for null. */
akida_shape akida_input_shape(const akida_model *model);

/* The width of input values: they are 0 ... 2^bits - 1; 0 for null. */
uint8_t akida_input_bits(const akida_model *model);

/* The shape of one output; zeros for null. */
akida_shape akida_output_shape(const akida_model *model);

/* The width of output levels; 0 when the outputs are 32-bit potentials, and for null. */
uint8_t akida_output_bits(const akida_model *model);

/* Runs `count` inputs, one after the other in `inputs`. `outputs` takes levels or potentials as 32-bit integers; its
 * `length` in elements must be count times the elements of an output. `threads` is the most to use; 0 means one per
 * core. There are never more than cores, and all runs of the process share them: while one has them, others use their
 * calling thread alone. No number of threads changes a result. */
akida_status akida_forward(const akida_model *model, const uint8_t *inputs, size_t count, int32_t *outputs,
                           size_t length, size_t threads);

/* As akida_forward, for a model whose last layer has no activation: (potential - threshold) / act_step. */
akida_status akida_predict(const akida_model *model, const uint8_t *inputs, size_t count, float *outputs,
                           size_t length, size_t threads);

#ifdef __cplusplus
}
#endif

#endif
