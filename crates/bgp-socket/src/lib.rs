//! Socket options that BGP needs: TTL, GTSM, TCP MD5, DSCP
