//! Tests against real BGP routers.
