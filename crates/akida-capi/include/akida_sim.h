/* akida_sim.h: models for the Akida neuromorphic processor on any host, for C and what can call it.
 *
 * A model is loaded from the bytes of an .fbz file and run; results are the same integers on every machine.
 * Functions that can fail give an akida_status; akida_error() then says why, for the calling thread.
 *
 * A model may be run from any number of threads at once, and must outlive their calls. Bytes may come from anywhere:
 * whatever they are, loading gives a valid model or an error.
 *
 * Outputs of temporal and recurrent layers depend on earlier inputs. Models with such layers have state, and are run
 * by a session, which keeps what its streams need. All other models are run by akida_forward, akida_predict and
 * akida_classes.
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
    AKIDA_FORMAT = 2,   /* the bytes are no model that this version reads, or no session of the model */
    AKIDA_LENGTH = 3,   /* an array has another length than the shapes ask for */
    AKIDA_VALUE = 4,    /* an input value is beyond akida_input_bits, or is NaN */
    AKIDA_OUTPUT = 5,   /* akida_predict on a model without float outputs, classes of outputs with several positions */
    AKIDA_MEMORY = 6,   /* the memory does not suffice */
    AKIDA_TYPE = 7,     /* inputs are of another type than akida_input_type, or an array is not aligned for its type */
    AKIDA_STATE = 8,    /* a model with state was run without a session */
    AKIDA_STOPPED = 9   /* akida_stop was called during the run */
} akida_status;

/* The type of values. Later versions may add members. */
typedef enum akida_type {
    AKIDA_NONE = 0,     /* there is no model */
    AKIDA_UINT8 = 1,    /* uint8_t */
    AKIDA_INT8 = 2,     /* int8_t */
    AKIDA_INT16 = 3,    /* int16_t */
    AKIDA_INT32 = 4,    /* int32_t */
    AKIDA_FLOAT32 = 5   /* float */
} akida_type;

/* Height, width, channels; arrays are in C order: channels run fastest. */
typedef struct akida_shape {
    size_t height;
    size_t width;
    size_t channels;
} akida_shape;

/* A model made ready to run on this host. */
typedef struct akida_model akida_model;

/* Streams of inputs through a model with state. */
typedef struct akida_session akida_session;

/* The version of this library, such as "0.1.0". */
const char *akida_version(void);

/* Why the last call of this thread failed, in one line; "" when none has. Valid until the next call of this thread. */
const char *akida_error(void);

/* Loads the model in the bytes of an .fbz file, which are not needed afterwards. *model is set on AKIDA_OK only. */
akida_status akida_load(const uint8_t *bytes, size_t length, akida_model **model);

/* Frees a model; null is allowed. */
void akida_free(akida_model *model);

/* The shape of one input; zeros for null. Where floats have channels first, these are channels, height, width. */
akida_shape akida_input_shape(const akida_model *model);

/* The width of input values; 32 for floats; 0 for null. Values of the type AKIDA_UINT8 are 0 ... 2^bits - 1. Values
 * of signed types are -2^(bits-1) ... 2^(bits-1) - 1. */
uint8_t akida_input_bits(const akida_model *model);

/* The type of input values: AKIDA_UINT8 for images and for maps of up to 4 bits, AKIDA_INT8 or AKIDA_INT16 for other
 * maps, AKIDA_FLOAT32 where the first layer is a Quantizer; AKIDA_NONE for null. */
akida_type akida_input_type(const akida_model *model);

/* The shape of one output; zeros for null. */
akida_shape akida_output_shape(const akida_model *model);

/* The width of integer outputs; 0 when they are 32-bit potentials of Akida 1.0, and for null; 32 for accumulators. */
uint8_t akida_output_bits(const akida_model *model);

/* The smallest type that holds every integer output, which tells the sign as well; AKIDA_NONE for null. */
akida_type akida_output_type(const akida_model *model);

/* 1 when outputs depend on earlier inputs, so that the model needs a session; else, and for null, 0. */
int akida_has_state(const akida_model *model);

/* Runs `count` inputs, one after the other in `inputs`, of a model that takes AKIDA_UINT8. `outputs` takes integer
 * outputs, such as levels or potentials, as 32-bit integers whatever akida_output_type is; its `length` in elements
 * must be count times the elements of an output. `threads` is the most to use; 0 means one per core. There are never
 * more than cores, and all runs of the process share them: while one has them, others use their calling thread
 * alone. No number of threads changes a result. With a Dequantizer at the end, outputs are the integers that it
 * reads. The largest integer is not always the class of an input, as thresholds, steps and scales differ between
 * channels: akida_classes tells the class. */
akida_status akida_forward(const akida_model *model, const uint8_t *inputs, size_t count, int32_t *outputs,
                           size_t length, size_t threads);

/* As akida_forward, for inputs of any type. `input_type` says what `inputs` points to, and must be akida_input_type. */
akida_status akida_forward_typed(const akida_model *model, const void *inputs, akida_type input_type, size_t count,
                                 int32_t *outputs, size_t length, size_t threads);

/* As akida_forward, for a model with float outputs. In Akida 1.0 its last layer has no activation, and they are
 * (potential - threshold) / act_step. In Akida 2.0 its last layer is a Dequantizer. */
akida_status akida_predict(const akida_model *model, const uint8_t *inputs, size_t count, float *outputs,
                           size_t length, size_t threads);

/* As akida_predict, for inputs of any type. `input_type` is as for akida_forward_typed. */
akida_status akida_predict_typed(const akida_model *model, const void *inputs, akida_type input_type, size_t count,
                                 float *outputs, size_t length, size_t threads);

/* The floats that the Dequantizer of a model makes of integer outputs, such as those of a session. Both arrays have
 * `length` elements, those of whole outputs. */
akida_status akida_dequantize(const akida_model *model, const int32_t *integers, float *outputs, size_t length);

/* The class of each of `count` inputs: the index of its largest output, the first in a tie. Outputs are those of
 * akida_predict where the model has them, else those of akida_forward. `classes` takes `count` integers. `num_classes`
 * is the number of classes, each with an equal number of neighbouring outputs; 0 means one output each. `input_type`
 * and `threads` are as for akida_forward_typed. Outputs must have one position (height and width 1). */
akida_status akida_classes(const akida_model *model, const void *inputs, akida_type input_type, size_t count,
                           int32_t *classes, size_t num_classes, size_t threads);

/* As akida_classes, for integer outputs that are there already, such as those of akida_forward or of a session.
 * `integers` has `length` elements, those of `count` outputs. */
akida_status akida_classes_of(const akida_model *model, const int32_t *integers, size_t length, int32_t *classes,
                              size_t count, size_t num_classes);

/* Ends the runs of a model and of its sessions that are under way. They give AKIDA_STOPPED within some hundredths of a
 * second. Runs that begin later are not concerned. Any thread may call it, and a signal handler may. Null is allowed. */
void akida_stop(const akida_model *model);

/* Begins `streams` streams through a model, at least one, all before their first input. *session is set on AKIDA_OK
 * only. The model may be freed before the session. Models without state can have sessions too. Threads may share a
 * session: one call comes after the other. */
akida_status akida_session_new(const akida_model *model, size_t streams, akida_session **session);

/* Frees a session; null is allowed. */
void akida_session_free(akida_session *session);

/* The number of streams; 0 for null. */
size_t akida_session_streams(const akida_session *session);

/* Runs the next `steps` inputs of every stream on the calling thread. `inputs` has the first input of each stream,
 * then the second of each, and so on; `input_type` is as for akida_forward_typed. `outputs` has the same order; its
 * `length` must be steps times streams times the elements of an output. A call that fails leaves the streams where
 * they were. */
akida_status akida_session_run(akida_session *session, const void *inputs, akida_type input_type, size_t steps,
                               int32_t *outputs, size_t length);

/* Puts every stream before its first input. */
akida_status akida_session_reset(akida_session *session);

/* The number of bytes that akida_session_save writes; 0 for null. */
size_t akida_session_size(const akida_session *session);

/* Writes what the streams keep into `bytes`; `length` must be akida_session_size. The model is not among them. */
akida_status akida_session_save(const akida_session *session, uint8_t *bytes, size_t length);

/* Makes a session of the bytes that akida_session_save wrote for an equal model. *session is set on AKIDA_OK only. */
akida_status akida_session_restore(const akida_model *model, const uint8_t *bytes, size_t length,
                                   akida_session **session);

#ifdef __cplusplus
}
#endif

#endif
