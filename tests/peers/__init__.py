"""The adapter against kamailio, baresip and sipp, with tshark as the judge: real peers on 127.0.0.1, nothing else."""
