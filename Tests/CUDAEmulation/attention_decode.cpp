#include "../../Sources/TrainerKernels/cuda/attention_decode.cu"
