"""`plugtone serve`: first start, the processes of the service, and who watches over them."""
