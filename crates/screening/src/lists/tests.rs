//! What readers of lists take for one, and what broken records cost.
