#include "../../Sources/TrainerKernels/cuda/token_scores.cu"
